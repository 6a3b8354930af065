// A node's skein.v1.Node over loopback, on a storage of the test's choice, and a peer for it.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/async/worker_pool.h"
#include "base/rpc/client.h"
#include "base/rpc/server.h"
#include "model/storage.h"
#include "storeapi/node/node_peer.h"
#include "storeapi/node/node_service.h"

namespace storeapi_test {

// A chunk as it came, or as it is kept.
struct KeptChunk {
    model::Encoding encoding = model::Encoding::kXor;
    int64_t min_t = 0;
    int64_t max_t = 0;
    uint32_t source = 0;
    std::string bytes;

    bool operator==(const KeptChunk&) const = default;
};

struct KeptSeries {
    model::Labels labels;
    std::vector<KeptChunk> chunks;

    bool operator==(const KeptSeries&) const = default;
};

// For messages of failing checks.
std::ostream& operator<<(std::ostream& out, const KeptSeries& series);

struct Gathered {
    std::vector<KeptSeries> series;
    std::vector<std::string> warnings;
    size_t batches = 0;
};

// Reads to the end. Of `batches` only the last one is kept while the next is read.
[[nodiscard]] base::Result<Gathered> gather(model::SeriesSet& set);
// What a storage's own querier answers.
[[nodiscard]] Gathered select_locally(model::Queryable& storage,
                                      const model::SelectHints& hints,
                                      std::span<const model::Matcher> matchers);

// Gives what it is told to, as it is told to.
class ScriptedStorage final : public model::Queryable {
  public:
    std::vector<KeptSeries> series;  // in the order they are given
    size_t batch_series = 3;
    bool new_table_each_batch = false;
    std::vector<std::string> warnings;
    std::optional<base::Error> error;         // after the last series
    std::function<void()> before_batch = {};  // may block
    std::atomic<size_t> batches_given{0};
    model::SelectHints last_hints;  // of the last select
    std::string last_matchers;

    [[nodiscard]] base::Result<std::unique_ptr<model::Querier>> querier(int64_t min_t,
                                                                        int64_t max_t) override;

    [[nodiscard]] std::optional<std::pair<int64_t, int64_t>> time_range() const override {
        return std::pair<int64_t, int64_t>(10, 20);
    }
};

// Serves methods at a port of its own.
class TestServer {
  public:
    explicit TestServer(std::vector<base::rpc::Method> methods);

    [[nodiscard]] const std::string& address() const { return server_->address(); }

    // Ends what runs.
    void stop() { server_->stop(base::Duration::zero()); }

  private:
    base::SystemClock clock_;
    base::Registry registry_;
    base::rpc::ServerMetrics metrics_{registry_};
    base::WorkerPool pool_{base::WorkerPoolOptions{.name = "node", .threads = 2}};
    std::unique_ptr<base::rpc::Server> server_;
};

class DataNode {
  public:
    explicit DataNode(model::Queryable& storage,
                      const std::function<void(storeapi::NodeSources&)>& more = {});

    [[nodiscard]] storeapi::NodePeer& peer() { return *peer_; }

    [[nodiscard]] base::rpc::Channel& channel() { return *channel_; }

    [[nodiscard]] TestServer& server() { return *server_; }

    // What the node's calls hold.
    [[nodiscard]] base::Budget& node_budget() { return node_budget_; }

    // What the query holds.
    [[nodiscard]] base::Budget& budget() { return budget_; }

    // A query's bounds: a minute, and its budget.
    [[nodiscard]] model::QueryContext context(base::Duration time = std::chrono::seconds(60),
                                              std::stop_token stop = {});

    [[nodiscard]] base::Result<Gathered> select(const model::SelectHints& hints,
                                                std::span<const model::Matcher> matchers);

    void set_ready(bool ready) { ready_ = ready; }

  private:
    base::SystemClock clock_;
    base::Budget node_budget_{"node"};
    base::Budget budget_{"query"};
    std::atomic<bool> ready_{true};
    storeapi::NodeSources sources_;
    std::unique_ptr<TestServer> server_;
    std::unique_ptr<storeapi::NodePeer> peer_;
    std::unique_ptr<base::rpc::Channel> channel_;
};

// Whether it holds at some moment within ten seconds.
[[nodiscard]] bool becomes_true(const std::function<bool()>& condition);

}  // namespace storeapi_test

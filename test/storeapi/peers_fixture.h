// Peers over nodes on loopback, over stores that answer as a test has it, and over nodes that need
// no connection.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/async/worker_pool.h"
#include "base/budget.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "base/rpc/server.h"
#include "base/sync.h"
#include "storeapi/peers/endpoints.h"
#include "storeapi/peers/peer_series.h"
#include "storeapi/peers/peers.h"
#include "storeapi/peers/response_watch.h"
#include "storeapi/peers/store_peer.h"
#include "test/storeapi/fixture.h"

namespace thanos::info {
class InfoResponse;
}  // namespace thanos::info

namespace storeapi_test {

using Texts = std::vector<std::string>;

[[nodiscard]] model::Matcher matcher_of(const Matched& matched);
[[nodiscard]] std::vector<model::Matcher> matchers_of(const std::vector<Matched>& all);

// A chunk with its bytes.
struct ReadChunk {
    model::Encoding encoding = model::Encoding::kNone;
    uint16_t replica = 0;
    int64_t min_t = 0, max_t = 0;
    std::vector<model::TypedSample> samples;
};

struct ReadSeries {
    std::string text;
    std::vector<ReadChunk> chunks;

    // All of one account.
    [[nodiscard]] Points points(uint16_t replica) const;
    // "1..3@0" for times 1 to 3 of replica 0, in the chunks' order
    [[nodiscard]] Texts chunk_texts() const;
};

struct ReadAnswer {
    std::vector<ReadSeries> series;
    Texts warnings;

    [[nodiscard]] Texts texts() const;
};

// {a="1", b="2"}
[[nodiscard]] std::string text_of(const model::SeriesBatch& batch, const model::SeriesView& series);
[[nodiscard]] base::Result<ReadAnswer> read_all(model::SeriesSet& set);

// Peers, their endpoints, and what they need.
class PeersBed {
  public:
    struct Setup {
        model::Queryable* own = nullptr;
        std::string own_address = "own:1";
        std::string own_node_id = {};
        model::Labels own_labels = {};
        std::chrono::milliseconds response_timeout{0};
        size_t calls_max = 100;
        // Peers of kind kNode, by address.
        std::function<std::unique_ptr<storeapi::Peer>(const std::string&)> open_node = {};
    };

    PeersBed() : PeersBed(Setup()) {}

    explicit PeersBed(Setup setup);

    // Sets the addresses, and waits until each was asked once.
    void ask_stores(const std::vector<std::string>& addresses);
    void ask_nodes(const std::vector<std::string>& addresses);

    [[nodiscard]] storeapi::Endpoints& endpoints() { return *endpoints_; }

    [[nodiscard]] storeapi::Peers& peers() { return *peers_; }

    [[nodiscard]] base::Registry& registry() { return registry_; }

    [[nodiscard]] base::Result<ReadAnswer> select(const std::vector<Matched>& matchers,
                                                  const model::QueryScope& scope = {},
                                                  const model::SelectHints& hints = {});
    [[nodiscard]] base::Result<Texts> names(const std::vector<Matched>& matchers = {},
                                            const model::QueryScope& scope = {},
                                            int64_t end = INT64_MAX,
                                            uint64_t limit = 0);
    [[nodiscard]] base::Result<Texts> values(const std::string& name,
                                             const std::vector<Matched>& matchers = {},
                                             const model::QueryScope& scope = {},
                                             int64_t end = INT64_MAX);

    // Of names() and values().
    [[nodiscard]] const Texts& warnings() const { return warnings_; }

    // What selects run under; with a deadline of a minute.
    model::QueryContext context;
    base::Budget budget{"query"};

  private:
    void wait_asked(storeapi::PeerKind kind);

    base::SystemClock clock_;
    base::Registry registry_;
    storeapi::PeerMetrics metrics_{registry_};
    storeapi::ResponseWatch watch_;
    std::unique_ptr<storeapi::Endpoints> endpoints_;
    std::unique_ptr<storeapi::Peers> peers_;
    Texts warnings_;
};

// A store that answers with messages made by hand.
class ScriptedStore {
  public:
    // One step of an answer to Series.
    struct Step {
        std::string message = {};
        std::optional<base::Error> error = {};
        bool hang = false;                 // until the call is cancelled
        std::function<bool()> until = {};  // holds
    };

    // The answer to Info says so; without labels unless they are added.
    struct Facts {
        model::Labels labels = {};
        int64_t min_t = INT64_MIN, max_t = INT64_MAX;
        bool without_replica_labels = true;
    };

    explicit ScriptedStore(std::vector<Step> steps) : ScriptedStore(std::move(steps), Facts()) {}

    ScriptedStore(std::vector<Step> steps, Facts facts);
    ~ScriptedStore();
    ScriptedStore(const ScriptedStore&) = delete;
    ScriptedStore& operator=(const ScriptedStore&) = delete;

    [[nodiscard]] const std::string& address() const { return server_->address(); }

    // Of the last call to Series.
    [[nodiscard]] thanos::SeriesRequest request() const;

    // How often Series was asked.
    [[nodiscard]] int calls() const { return calls_; }

    // Whether a call has come to a step that hangs.
    [[nodiscard]] bool hanging() const { return hanging_; }

    // Whether one that hung was cancelled by the client.
    [[nodiscard]] bool cancelled() const { return cancelled_; }

    void set_names(thanos::LabelNamesResponse response);

  private:
    [[nodiscard]] std::vector<base::rpc::Method> methods();

    const std::vector<Step> steps_;
    const Facts facts_;
    mutable base::Mutex mutex_;
    std::string request_ GUARDED_BY(mutex_);
    std::string names_ GUARDED_BY(mutex_);
    std::atomic<int> calls_{0};
    std::atomic<bool> hanging_{false};
    std::atomic<bool> cancelled_{false};
    base::SystemClock clock_;
    base::Registry registry_;
    base::rpc::ServerMetrics metrics_{registry_};
    std::unique_ptr<base::WorkerPool> pool_;
    std::unique_ptr<base::rpc::Server> server_;
};

// A chunk of these samples.
[[nodiscard]] thanos::AggrChunk chunk_message(const Points& points);
// {a="1"} and chunks, in that order.
[[nodiscard]] thanos::Series series_message(
    const std::vector<std::pair<std::string, std::string>>& labels,
    const std::vector<thanos::AggrChunk>& chunks);
[[nodiscard]] ScriptedStore::Step frame(const thanos::Series& series);
[[nodiscard]] ScriptedStore::Step batch_frame(const std::vector<thanos::Series>& series);
[[nodiscard]] ScriptedStore::Step warning_frame(const std::string& text);
[[nodiscard]] ScriptedStore::Step error_step(base::Code code, const std::string& text);

}  // namespace storeapi_test

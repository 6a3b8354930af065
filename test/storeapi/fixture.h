// A node's StoreAPI over loopback, on a storage of the test's choice, and a client for it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/rpc/client.h"
#include "base/rpc/server.h"
#include "model/chunk_codec.h"
#include "model/storage.h"
#include "storeapi/proto/store.pb.h"
#include "storeapi/services.h"

namespace storeapi_test {

using Points = std::vector<std::pair<int64_t, double>>;

// Somewhere to put samples.
class Storage {
  public:
    virtual ~Storage() = default;
    virtual void add(const model::Labels& labels, const Points& points) = 0;
    [[nodiscard]] virtual model::Queryable& queryable() = 0;
};

// Series kept as PromQL's tests keep them.
[[nodiscard]] std::unique_ptr<Storage> memory_storage();
// A whole database on files in memory.
[[nodiscard]] std::unique_ptr<Storage> db_storage();

struct Matched {
    std::string name;
    thanos::LabelMatcher::Type type;
    std::string value;
};

inline Matched equal(std::string name, std::string value) {
    return {std::move(name), thanos::LabelMatcher::MATCH_EQUAL, std::move(value)};
}

// The answer to Series.
struct SeriesAnswer {
    std::vector<thanos::Series> series;  // entries as they came
    std::vector<std::string> texts;      // their labels
    std::vector<size_t> frame_bytes;     // of each message
    std::vector<size_t> frame_series;    // entries of each message
    std::vector<std::string> warnings;
};

class StoreNode {
  public:
    // The region of the acceptance tests.
    static model::Labels region() { return {{"region", "eu-west"}}; }

    StoreNode(model::Queryable& storage,
              model::Labels labels,
              const storeapi::Options& options = {},
              const std::function<void(storeapi::Sources&)>& more = {});
    ~StoreNode();
    StoreNode(const StoreNode&) = delete;
    StoreNode& operator=(const StoreNode&) = delete;

    [[nodiscard]] base::rpc::Channel& channel() { return *channel_; }

    [[nodiscard]] const std::string& address() const { return server_->address(); }

    [[nodiscard]] storeapi::Sources& sources() { return sources_; }

    [[nodiscard]] base::Budget& budget() { return budget_; }

    void set_ready(bool ready) { ready_ = ready; }

    [[nodiscard]] base::Deadline soon() const {
        return base::Deadline::after(clock_, std::chrono::seconds(60));
    }

    // A request for everything there is, but for its matchers; without the label "replica".
    [[nodiscard]] static thanos::SeriesRequest series_request(const std::vector<Matched>& matchers);
    [[nodiscard]] base::Result<SeriesAnswer> series(const thanos::SeriesRequest& request);
    [[nodiscard]] base::Result<std::vector<std::string>> label_names(
        const std::vector<Matched>& matchers, int64_t end = INT64_MAX);
    [[nodiscard]] base::Result<std::vector<std::string>> label_values(
        const std::string& label, const std::vector<Matched>& matchers, int64_t end = INT64_MAX);

    // One answer to one request.
    template <class Response, class Request>
    [[nodiscard]] base::Result<Response> call(const std::string& path, const Request& request) {
        TRY(const std::string bytes, channel_->call(path, request.SerializeAsString(), soon()));
        Response response;
        if (!response.ParseFromString(bytes)) {
            return base::fail(base::Code::kCorrupt, "not the message that was expected");
        }
        return response;
    }

    // All answers of a stream.
    template <class Response, class Request>
    [[nodiscard]] base::Result<std::vector<Response>> list(const std::string& path,
                                                           const Request& request) {
        const auto reader = channel_->stream(path, request.SerializeAsString(), soon());
        std::vector<Response> responses;
        std::string bytes;
        while (true) {
            TRY(const bool more, reader->next(bytes));
            if (!more) {
                return responses;
            }
            if (!responses.emplace_back().ParseFromString(bytes)) {
                return base::fail(base::Code::kCorrupt, "not the message that was expected");
            }
        }
    }

  private:
    base::SystemClock clock_;
    base::Registry registry_;
    base::rpc::ServerMetrics metrics_{registry_};
    base::Budget budget_{"test"};
    model::Labels labels_;
    std::atomic<bool> ready_{true};
    storeapi::Sources sources_;
    std::unique_ptr<base::WorkerPool> pool_;
    std::unique_ptr<base::rpc::Server> server_;
    std::unique_ptr<base::rpc::Channel> channel_;
};

// {a="1", b="2"}
[[nodiscard]] std::string text_of(const thanos::Series& series);
// All samples of the entry's chunks.
[[nodiscard]] std::vector<model::TypedSample> samples_of(const thanos::Series& series);
[[nodiscard]] model::ChunkView view_of(const thanos::AggrChunk& chunk);

}  // namespace storeapi_test

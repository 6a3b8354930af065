#include "test/storeapi/fixture.h"

#include <catch2/catch.hpp>

#include "base/async/worker_pool.h"
#include "base/sync.h"
#include "query/testing/memory_storage.h"
#include "test/tsdb/db_fixture.h"

namespace storeapi_test {
namespace {

// Whoever watches the node may ask for its time range while samples are added; queries come after.
class MemoryStorage final : public Storage, public model::Queryable {
  public:
    void add(const model::Labels& labels, const Points& points) override {
        std::vector<model::ChunkSample> samples;
        for (const auto& [t, v] : points) {
            samples.push_back({.t = t, .v = v});
        }
        const base::MutexLock lock(mutex_);
        storage_.add(labels, samples);
    }

    model::Queryable& queryable() override { return *this; }

    base::Result<std::unique_ptr<model::Querier>> querier(int64_t min_t, int64_t max_t) override {
        const base::MutexLock lock(mutex_);
        return storage_.querier(min_t, max_t);
    }

    std::optional<std::pair<int64_t, int64_t>> time_range() const override {
        const base::MutexLock lock(mutex_);
        return storage_.time_range();
    }

  private:
    mutable base::Mutex mutex_;
    query::testing::MemoryStorage storage_ GUARDED_BY(mutex_);
};

class DbStorage final : public Storage {
  public:
    void add(const model::Labels& labels, const Points& points) override {
        const auto appended = node_.append(labels, points);
        REQUIRE(appended);
        REQUIRE(appended.value().rejected.empty());
    }

    model::Queryable& queryable() override { return node_.db(); }

  private:
    static tsdb::TsdbOptions options() {
        tsdb::TsdbOptions options = tsdb_test::Node::defaults();
        options.out_of_order_time_window = std::chrono::hours(3);
        return options;
    }

    test_support::MemoryFiles files_;
    tsdb_test::Node node_{files_, options()};
};

template <class Request>
void put_matchers(const std::vector<Matched>& matchers, Request& request) {
    for (const Matched& matched : matchers) {
        thanos::LabelMatcher& matcher = *request.add_matchers();
        matcher.set_name(matched.name);
        matcher.set_type(matched.type);
        matcher.set_value(matched.value);
    }
    request.add_without_replica_labels("replica");
}

void take(const thanos::Series& series, SeriesAnswer& answer) {
    answer.series.push_back(series);
    answer.texts.push_back(text_of(series));
}

}  // namespace

std::unique_ptr<Storage> memory_storage() {
    return std::make_unique<MemoryStorage>();
}

std::unique_ptr<Storage> db_storage() {
    return std::make_unique<DbStorage>();
}

StoreNode::StoreNode(model::Queryable& storage,
                     model::Labels labels,
                     const storeapi::Options& options,
                     const std::function<void(storeapi::Sources&)>& more)
    : labels_(std::move(labels)),
      sources_{.storage = storage,
               .clock = clock_,
               .budget = budget_,
               .options = options,
               .ready = [this] { return ready_.load(); },
               .labels = [this] { return labels_; }},
      pool_(std::make_unique<base::WorkerPool>(
          base::WorkerPoolOptions{.name = "storeapi", .threads = 2})) {
    if (more) {
        more(sources_);
    }
    base::rpc::ServerOptions listen;
    listen.listen_address = "127.0.0.1:0";
    server_ = std::move(base::rpc::Server::start(
                            listen, storeapi::make_services(sources_), {*pool_, clock_, metrics_}))
                  .value();
    channel_ = std::move(base::rpc::Channel::open({.address = server_->address()})).value();
}

StoreNode::~StoreNode() = default;

thanos::SeriesRequest StoreNode::series_request(const std::vector<Matched>& matchers) {
    thanos::SeriesRequest request;
    request.set_min_time(INT64_MIN);
    request.set_max_time(INT64_MAX);
    put_matchers(matchers, request);
    return request;
}

base::Result<SeriesAnswer> StoreNode::series(const thanos::SeriesRequest& request) {
    const auto reader =
        channel_->stream("/thanos.Store/Series", request.SerializeAsString(), soon());
    SeriesAnswer answer;
    std::string bytes;
    while (true) {
        TRY(const bool more, reader->next(bytes));
        if (!more) {
            return answer;
        }
        thanos::SeriesResponse response;
        REQUIRE(response.ParseFromString(bytes));
        if (response.has_warning()) {
            answer.warnings.push_back(response.warning());
            continue;
        }
        answer.frame_bytes.push_back(bytes.size());
        const size_t before = answer.series.size();
        if (response.has_series()) {
            take(response.series(), answer);
        }
        for (const thanos::Series& series : response.batch().series()) {
            take(series, answer);
        }
        answer.frame_series.push_back(answer.series.size() - before);
    }
}

base::Result<std::vector<std::string>> StoreNode::label_names(const std::vector<Matched>& matchers,
                                                              int64_t end) {
    thanos::LabelNamesRequest request;
    request.set_start(INT64_MIN);
    request.set_end(end);
    put_matchers(matchers, request);
    TRY(const auto response, call<thanos::LabelNamesResponse>("/thanos.Store/LabelNames", request));
    return std::vector<std::string>(response.names().begin(), response.names().end());
}

base::Result<std::vector<std::string>> StoreNode::label_values(const std::string& label,
                                                               const std::vector<Matched>& matchers,
                                                               int64_t end) {
    thanos::LabelValuesRequest request;
    request.set_label(label);
    request.set_start(INT64_MIN);
    request.set_end(end);
    put_matchers(matchers, request);
    TRY(const auto response,
        call<thanos::LabelValuesResponse>("/thanos.Store/LabelValues", request));
    return std::vector<std::string>(response.values().begin(), response.values().end());
}

std::string text_of(const thanos::Series& series) {
    std::vector<model::LabelView> labels;
    for (const thanos::Label& label : series.labels()) {
        labels.push_back({.name = label.name(), .value = label.value()});
    }
    return model::Labels::from_sorted(labels).to_string();
}

model::ChunkView view_of(const thanos::AggrChunk& chunk) {
    const std::string& data = chunk.raw().data();
    return {.encoding = static_cast<model::Encoding>(chunk.raw().type() + 1),
            .bytes = {reinterpret_cast<const uint8_t*>(data.data()), data.size()},
            .min_t = chunk.min_time(),
            .max_t = chunk.max_time()};
}

std::vector<model::TypedSample> samples_of(const thanos::Series& series) {
    std::vector<model::TypedSample> samples;
    for (const thanos::AggrChunk& chunk : series.chunks()) {
        const size_t before = samples.size();
        REQUIRE(model::decode_samples(view_of(chunk), samples));
        REQUIRE(samples.size() > before);
        CHECK(samples[before].t == chunk.min_time());
        CHECK(samples.back().t == chunk.max_time());
    }
    return samples;
}

}  // namespace storeapi_test

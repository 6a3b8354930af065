#include "test/storeapi/peers_fixture.h"

#include <chrono>
#include <thread>

#include <catch2/catch.hpp>

#include "storeapi/proto/info.pb.h"

namespace storeapi_test {

using storeapi::PeerKind;

model::Matcher matcher_of(const Matched& matched) {
    return model::Matcher::create(
               static_cast<model::MatchType>(matched.type), matched.name, matched.value)
        .value();
}

std::vector<model::Matcher> matchers_of(const std::vector<Matched>& all) {
    std::vector<model::Matcher> matchers;
    for (const Matched& matched : all) {
        matchers.push_back(matcher_of(matched));
    }
    return matchers;
}

Points ReadSeries::points(uint16_t replica) const {
    Points points;
    for (const ReadChunk& chunk : chunks) {
        for (const model::TypedSample& sample : chunk.samples) {
            if (chunk.replica == replica) {
                points.emplace_back(sample.t, sample.v);
            }
        }
    }
    return points;
}

Texts ReadSeries::chunk_texts() const {
    Texts texts;
    for (const ReadChunk& chunk : chunks) {
        texts.push_back(std::to_string(chunk.min_t) + ".." + std::to_string(chunk.max_t) + "@" +
                        std::to_string(chunk.replica));
    }
    return texts;
}

Texts ReadAnswer::texts() const {
    Texts texts;
    for (const ReadSeries& one : series) {
        texts.push_back(one.text);
    }
    return texts;
}

std::string text_of(const model::SeriesBatch& batch, const model::SeriesView& series) {
    std::vector<model::LabelView> labels;
    for (const model::LabelSymbols& label : series.labels) {
        labels.push_back({.name = batch.text(label.name), .value = batch.text(label.value)});
    }
    return model::Labels::from_sorted(labels).to_string();
}

base::Result<ReadAnswer> read_all(model::SeriesSet& set) {
    ReadAnswer answer;
    model::SeriesBatch batch;
    while (true) {
        TRY(const bool more, set.next(batch));
        if (!more) {
            break;
        }
        for (const model::SeriesView& series : batch.series) {
            ReadSeries& read = answer.series.emplace_back();
            read.text = text_of(batch, series);
            for (const model::ChunkView& chunk : series.chunks) {
                ReadChunk& one = read.chunks.emplace_back();
                one.encoding = chunk.encoding;
                one.replica = chunk.replica;
                one.min_t = chunk.min_t;
                one.max_t = chunk.max_t;
                REQUIRE(model::decode_samples(chunk, one.samples));
            }
        }
    }
    answer.warnings = set.warnings();
    return answer;
}

PeersBed::PeersBed(Setup setup) : watch_(setup.response_timeout) {
    context = {.deadline = base::Deadline::after(clock_, std::chrono::minutes(1)),
               .clock = &clock_,
               .budget = &budget};
    storeapi::PeersOptions options;
    options.check_interval = std::chrono::milliseconds(50);
    options.check_timeout = std::chrono::milliseconds(2000);
    options.calls_max = setup.calls_max;
    endpoints_ = std::make_unique<storeapi::Endpoints>(
        options,
        storeapi::Endpoints::Parts{
            .clock = clock_,
            .metrics = metrics_,
            .open_node = [open = setup.open_node](const std::string& address)
                -> base::Result<std::unique_ptr<storeapi::Peer>> { return open(address); },
            .open_store = [this](const std::string& address)
                -> base::Result<std::unique_ptr<storeapi::Peer>> {
                TRY(auto peer, storeapi::StorePeer::open({.address = address}, watch_));
                return peer;
            }});
    peers_ = std::make_unique<storeapi::Peers>(
        options,
        storeapi::Peers::Parts{.own = setup.own,
                               .endpoints = *endpoints_,
                               .metrics = metrics_,
                               .own_address = setup.own_address,
                               .own_node_id = setup.own_node_id,
                               .own_labels = [labels = setup.own_labels] { return labels; }});
}

void PeersBed::ask_stores(const std::vector<std::string>& addresses) {
    REQUIRE(endpoints_->set(PeerKind::kStore, addresses));
    wait_asked(PeerKind::kStore);
}

void PeersBed::ask_nodes(const std::vector<std::string>& addresses) {
    REQUIRE(endpoints_->set(PeerKind::kNode, addresses));
    wait_asked(PeerKind::kNode);
}

void PeersBed::wait_asked(PeerKind kind) {
    const auto asked = [&] {
        for (const auto& endpoint : endpoints_->snapshot()) {
            if (endpoint->kind == kind && endpoint->last_check_ms == 0) {
                return false;
            }
        }
        return true;
    };
    while (!asked()) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
}

base::Result<ReadAnswer> PeersBed::select(const std::vector<Matched>& matchers,
                                          const model::QueryScope& scope,
                                          const model::SelectHints& hints) {
    const auto queryable = peers_->queryable(scope);
    TRY(const auto querier, queryable->querier(hints.min_t, hints.max_t));
    const auto wanted = matchers_of(matchers);
    TRY(const auto set, querier->select(hints, wanted, context));
    return read_all(*set);
}

base::Result<Texts> PeersBed::names(const std::vector<Matched>& matchers,
                                    const model::QueryScope& scope,
                                    int64_t end,
                                    uint64_t limit) {
    const auto queryable = peers_->queryable(scope);
    TRY(const auto querier, queryable->querier(INT64_MIN, end));
    const auto wanted = matchers_of(matchers);
    TRY(auto names, querier->label_names({.limit = limit}, wanted, context));
    warnings_ = querier->warnings();
    return names;
}

base::Result<Texts> PeersBed::values(const std::string& name,
                                     const std::vector<Matched>& matchers,
                                     const model::QueryScope& scope,
                                     int64_t end) {
    const auto queryable = peers_->queryable(scope);
    TRY(const auto querier, queryable->querier(INT64_MIN, end));
    const auto wanted = matchers_of(matchers);
    TRY(auto values, querier->label_values(name, {}, wanted, context));
    warnings_ = querier->warnings();
    return values;
}

namespace {

// Plays the steps.
class Script final : public base::rpc::MessageStream {
  public:
    Script(const std::vector<ScriptedStore::Step>& steps,
           base::rpc::CallContext call,
           std::atomic<bool>& hanging,
           std::atomic<bool>& cancelled)
        : steps_(steps), call_(std::move(call)), hanging_(hanging), cancelled_(cancelled) {}

    base::Result<bool> next(std::string& message) override {
        if (at_ == steps_.size()) {
            return false;
        }
        const ScriptedStore::Step& step = steps_[at_++];
        if (step.hang) {
            hanging_ = true;
            while (!call_.stop.stop_requested()) {
                std::this_thread::sleep_for(std::chrono::milliseconds(1));
            }
            cancelled_ = true;
            return base::fail(base::Code::kCanceled, "the client went away");
        }
        while (step.until && !step.until() && !call_.stop.stop_requested()) {
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        if (step.error) {
            return base::fail(*step.error);
        }
        message = step.message;
        return true;
    }

  private:
    const std::vector<ScriptedStore::Step>& steps_;
    const base::rpc::CallContext call_;
    std::atomic<bool>& hanging_;
    std::atomic<bool>& cancelled_;
    size_t at_ = 0;
};

}  // namespace

ScriptedStore::ScriptedStore(std::vector<Step> steps, Facts facts)
    : steps_(std::move(steps)),
      facts_(std::move(facts)),
      pool_(std::make_unique<base::WorkerPool>(
          base::WorkerPoolOptions{.name = "scripted", .threads = 2})) {
    base::rpc::ServerOptions listen;
    listen.listen_address = "127.0.0.1:0";
    server_ =
        std::move(base::rpc::Server::start(listen, methods(), {*pool_, clock_, metrics_})).value();
}

ScriptedStore::~ScriptedStore() = default;

std::vector<base::rpc::Method> ScriptedStore::methods() {
    std::vector<base::rpc::Method> methods;
    methods.push_back({.path = "/thanos.info.Info/Info",
                       .unary = [this](std::string_view, const base::rpc::CallContext&) {
                           thanos::info::InfoResponse response;
                           response.set_componenttype("store");
                           response.mutable_store()->set_min_time(facts_.min_t);
                           response.mutable_store()->set_max_time(facts_.max_t);
                           response.mutable_store()->set_supports_without_replica_labels(
                               facts_.without_replica_labels);
                           if (!facts_.labels.empty()) {
                               thanos::ZLabelSet& set = *response.add_label_sets();
                               for (const model::LabelView label : facts_.labels) {
                                   thanos::Label& added = *set.add_labels();
                                   added.set_name(std::string(label.name));
                                   added.set_value(std::string(label.value));
                               }
                           }
                           return base::Result<std::string>(response.SerializeAsString());
                       }});
    methods.push_back(
        {.path = "/thanos.Store/Series",
         .stream = [this](std::string_view request, const base::rpc::CallContext& call)
             -> base::Result<std::unique_ptr<base::rpc::MessageStream>> {
             ++calls_;
             {
                 const base::MutexLock lock(mutex_);
                 request_ = request;
             }
             return std::make_unique<Script>(steps_, call, hanging_, cancelled_);
         }});
    methods.push_back({.path = "/thanos.Store/LabelNames",
                       .unary = [this](std::string_view, const base::rpc::CallContext&) {
                           const base::MutexLock lock(mutex_);
                           return base::Result<std::string>(names_);
                       }});
    return methods;
}

thanos::SeriesRequest ScriptedStore::request() const {
    const base::MutexLock lock(mutex_);
    thanos::SeriesRequest request;
    REQUIRE(request.ParseFromString(request_));
    return request;
}

void ScriptedStore::set_names(thanos::LabelNamesResponse response) {
    const base::MutexLock lock(mutex_);
    names_ = response.SerializeAsString();
}

namespace {

void put_xor(const Points& points, thanos::Chunk& chunk) {
    std::vector<model::TypedSample> samples;
    for (const auto& [t, v] : points) {
        samples.push_back({.t = t, .v = v});
    }
    std::vector<model::EncodedChunk> encoded;
    model::encode_samples(samples, model::kEncodedSamplesMax, encoded);
    REQUIRE(encoded.size() == 1);
    chunk.set_type(thanos::Chunk::ENCODING_XOR);
    chunk.set_data(encoded.front().bytes);
}

}  // namespace

thanos::AggrChunk chunk_message(const Points& points) {
    thanos::AggrChunk chunk;
    chunk.set_min_time(points.front().first);
    chunk.set_max_time(points.back().first);
    put_xor(points, *chunk.mutable_raw());
    return chunk;
}

thanos::Series series_message(const std::vector<std::pair<std::string, std::string>>& labels,
                              const std::vector<thanos::AggrChunk>& chunks) {
    thanos::Series series;
    for (const auto& [name, value] : labels) {
        thanos::Label& label = *series.add_labels();
        label.set_name(name);
        label.set_value(value);
    }
    for (const thanos::AggrChunk& chunk : chunks) {
        *series.add_chunks() = chunk;
    }
    return series;
}

ScriptedStore::Step frame(const thanos::Series& series) {
    thanos::SeriesResponse response;
    *response.mutable_series() = series;
    return {.message = response.SerializeAsString()};
}

ScriptedStore::Step batch_frame(const std::vector<thanos::Series>& series) {
    thanos::SeriesResponse response;
    for (const thanos::Series& one : series) {
        *response.mutable_batch()->add_series() = one;
    }
    return {.message = response.SerializeAsString()};
}

ScriptedStore::Step warning_frame(const std::string& text) {
    thanos::SeriesResponse response;
    response.set_warning(text);
    return {.message = response.SerializeAsString()};
}

ScriptedStore::Step error_step(base::Code code, const std::string& text) {
    return {.error = base::Error(code, text)};
}

}  // namespace storeapi_test

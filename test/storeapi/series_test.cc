#include <algorithm>
#include <set>
#include <thread>

#include <catch2/catch.hpp>

#include "base/checksum.h"
#include "base/random.h"
#include "query/testing/memory_storage.h"
#include "storeapi/shard.h"
#include "test/storeapi/fixture.h"
#include "test/support/seed.h"

using namespace storeapi_test;
using base::Code;

namespace {

using Texts = std::vector<std::string>;

constexpr int64_t kNow = 1'700'000'000'000;
constexpr auto kRegex = thanos::LabelMatcher::MATCH_REGEX;

Points line(int64_t from, int count, int64_t step = 15'000) {
    Points points;
    for (int i = 0; i < count; ++i) {
        points.emplace_back(from + i * step, i * 0.25);
    }
    return points;
}

// Values that do not compress.
Points noise(int64_t from, int count, base::Random& random) {
    Points points;
    for (int i = 0; i < count; ++i) {
        points.emplace_back(from + i * 1000, static_cast<double>(random.u64() >> 11));
    }
    return points;
}

// Two series of one chunk each: the second chunk has room beside the first, but not with its
// labels.
class LargeSeries final : public model::Queryable, public model::SymbolTable {
  public:
    std::string_view text(uint32_t symbol) const override { return texts_[symbol]; }

    base::Result<std::unique_ptr<model::Querier>> querier(int64_t, int64_t) override {
        return std::make_unique<Querier>(*this);
    }

    std::optional<std::pair<int64_t, int64_t>> time_range() const override {
        return std::pair(kNow, kNow);
    }

  private:
    class Set final : public model::SeriesSet {
      public:
        explicit Set(const LargeSeries& all) : all_(all) {}

        base::Result<bool> next(model::SeriesBatch& batch) override {
            batch.clear();
            batch.symbols = std::shared_ptr<const model::SymbolTable>(&all_, [](const void*) {});
            for (int i = 0; i < 2 && !given_; ++i) {
                batch.series.push_back({.labels = all_.labels_[i], .chunks = all_.chunks_[i]});
            }
            return !std::exchange(given_, true);
        }

      private:
        const LargeSeries& all_;
        bool given_ = false;
    };

    class Querier final : public model::Querier {
      public:
        explicit Querier(const LargeSeries& all) : all_(all) {}

        base::Result<std::unique_ptr<model::SeriesSet>> select(
            const model::SelectHints&,
            std::span<const model::Matcher>,
            const model::QueryContext&) override {
            return std::make_unique<Set>(all_);
        }

        base::Result<Texts> label_names(const model::LabelHints&,
                                        std::span<const model::Matcher>,
                                        const model::QueryContext&) override {
            return Texts();
        }

        base::Result<Texts> label_values(std::string_view,
                                         const model::LabelHints&,
                                         std::span<const model::Matcher>,
                                         const model::QueryContext&) override {
            return Texts();
        }

      private:
        const LargeSeries& all_;
    };

    const Texts texts_{"a", "1", std::string(100'000, '2')};
    const std::vector<uint8_t> first_ = std::vector<uint8_t>(400'000, 1);
    const std::vector<uint8_t> second_ = std::vector<uint8_t>(600'000, 1);
    const std::vector<model::LabelSymbols> labels_[2] = {{{0, 1}}, {{0, 2}}};
    const std::vector<model::ChunkView> chunks_[2] = {
        {{model::Encoding::kHistogram, 0, 0, first_, kNow, kNow}},
        {{model::Encoding::kHistogram, 0, 0, second_, kNow, kNow}}};
};

const Matched kAll{"none", thanos::LabelMatcher::MATCH_EQUAL, ""};

std::vector<int64_t> times_of(const thanos::Series& series) {
    std::vector<int64_t> times;
    for (const model::TypedSample& sample : samples_of(series)) {
        times.push_back(sample.t);
    }
    return times;
}

// {name: value} with a few names around those of the node's labels, prefixes of each other often.
model::Labels random_labels(base::Random& random) {
    constexpr const char* kNames[] = {"a", "c", "m", "o", "replica", "z"};
    std::vector<std::pair<std::string, std::string>> labels;
    for (const char* const name : kNames) {
        if (random.below(2) == 0) {
            labels.emplace_back(name, std::to_string(random.below(2)));
        }
    }
    model::LabelsBuilder builder;
    for (const auto& [name, value] : labels) {
        builder.set(name, value);
    }
    return builder.labels();
}

// The plain way: rewrite, group, sort.
std::map<model::Labels, std::set<int64_t>> expected(
    const std::map<model::Labels, std::vector<int64_t>>& stored,
    const model::Labels& external,
    const std::vector<std::string>& without) {
    std::map<model::Labels, std::set<int64_t>> all;
    for (const auto& [labels, times] : stored) {
        model::LabelsBuilder builder(labels);
        for (const model::LabelView label : external) {
            builder.set(label.name, label.value);
        }
        for (const std::string& name : without) {
            builder.remove(name);
        }
        all[builder.labels()].insert(times.begin(), times.end());
    }
    return all;
}

}  // namespace

TEST_CASE("series come in the order of their final labels, equal ones joined", "[storeapi]") {
    const auto seed = test_support::test_seed();
    base::SeededRandom random(seed);
    CAPTURE(seed);
    for (int round = 0; round < 12; ++round) {
        const auto storage = round % 2 == 0 ? memory_storage() : db_storage();
        std::map<model::Labels, std::vector<int64_t>> stored;
        for (int i = 0; i < 40; ++i) {
            const model::Labels labels = random_labels(random);
            const auto from = kNow + static_cast<int64_t>(random.below(100)) * 1000;
            if (labels.empty() || stored.contains(labels)) {
                continue;
            }
            storage->add(labels, line(from, 5, 1000));
            for (const auto& [t, v] : line(from, 5, 1000)) {
                stored[labels].push_back(t);
            }
        }
        model::LabelsBuilder external;
        for (const char* const name : {"b", "m", "n", "replica"}) {
            if (random.below(2) == 0) {
                external.set(name, "own");
            }
        }
        std::vector<std::string> without;
        for (const char* const name : {"replica", "a"}) {
            if (random.below(2) == 0) {
                without.emplace_back(name);
            }
        }
        StoreNode node(storage->queryable(), external.labels());
        auto request = StoreNode::series_request({kAll});
        request.clear_without_replica_labels();
        for (const std::string& name : without) {
            request.add_without_replica_labels(name);
        }
        request.set_response_batch_size(round % 3 == 0 ? 0 : 64);
        const auto answer = node.series(request).value();
        const auto wanted = expected(stored, external.labels(), without);
        REQUIRE(answer.series.size() == wanted.size());
        size_t i = 0;
        for (const auto& [labels, times] : wanted) {
            CAPTURE(round, labels.to_string());
            CHECK(answer.texts[i] == labels.to_string());
            const auto got = times_of(answer.series[i++]);
            CHECK(got == std::vector<int64_t>(times.begin(), times.end()));
        }
    }
}

TEST_CASE("batches are filled by bytes, and without them a message holds one series",
          "[storeapi]") {
    const auto seed = test_support::test_seed();
    base::SeededRandom random(seed);
    const auto storage = memory_storage();
    for (int i = 0; i < 2000; ++i) {
        storage->add({{"__name__", "m"}, {"i", std::to_string(i)}}, noise(kNow, 100, random));
    }
    StoreNode node(storage->queryable(), StoreNode::region());
    auto request = StoreNode::series_request({equal("__name__", "m")});
    const auto single = node.series(request).value();
    CHECK(single.series.size() == 2000);
    CHECK(single.frame_series == std::vector<size_t>(2000, 1));
    request.set_response_batch_size(64);
    const auto batched = node.series(request).value();
    CHECK(batched.texts == single.texts);
    REQUIRE(batched.frame_bytes.size() >= 2);
    for (size_t i = 0; i + 1 < batched.frame_bytes.size(); ++i) {
        CHECK(batched.frame_bytes[i] >= size_t{256} * 1024);
        CHECK(batched.frame_bytes[i] <= size_t{1024} * 1024);
    }
}

TEST_CASE("a series larger than a message is cut over neighbouring ones", "[storeapi]") {
    const auto seed = test_support::test_seed();
    base::SeededRandom random(seed);
    const auto storage = memory_storage();
    storage->add({{"a", "1"}}, noise(kNow, 50, random));
    storage->add({{"a", "2"}}, noise(kNow, 400'000, random));
    storage->add({{"a", "3"}}, noise(kNow, 50, random));
    StoreNode node(storage->queryable(), StoreNode::region());
    auto request = StoreNode::series_request({{"a", kRegex, ".+"}});
    request.set_response_batch_size(GENERATE(0, 64));
    const auto answer = node.series(request).value();
    std::map<std::string, std::vector<int64_t>> times;
    for (size_t i = 0; i < answer.series.size(); ++i) {
        const auto more = times_of(answer.series[i]);
        auto& all = times[answer.texts[i]];
        all.insert(all.end(), more.begin(), more.end());
        CHECK((i == 0 || answer.texts[i - 1] <= answer.texts[i]));
    }
    REQUIRE(times.size() == 3);
    const auto& cut = times[R"({a="2", region="eu-west"})"];
    CHECK(cut.size() == 400'000);
    CHECK(std::ranges::is_sorted(cut));
    CHECK(answer.series.size() > 4);
    for (const size_t bytes : answer.frame_bytes) {
        CHECK(bytes <= size_t{1024} * 1024);
    }
}

TEST_CASE("no series comes without a chunk, however large its labels are", "[storeapi]") {
    LargeSeries storage;
    StoreNode node(storage, StoreNode::region());
    auto request = StoreNode::series_request({kAll});
    request.set_response_batch_size(64);
    const auto answer = node.series(request).value();
    CHECK(answer.frame_series == std::vector<size_t>{2});
    for (const thanos::Series& series : answer.series) {
        CHECK(series.chunks_size() == 1);
    }
}

TEST_CASE("labels alone come when chunks are not wanted", "[storeapi]") {
    const auto storage = GENERATE(false, true) ? db_storage() : memory_storage();
    storage->add({{"a", "1"}}, line(kNow, 300));
    StoreNode node(storage->queryable(), StoreNode::region());
    auto request = StoreNode::series_request({equal("a", "1")});
    request.set_skip_chunks(true);
    const auto answer = node.series(request).value();
    CHECK(answer.texts == Texts{R"({a="1", region="eu-west"})"});
    CHECK(answer.series.front().chunks_size() == 0);
    request.set_max_time(kNow - 1);
    CHECK(node.series(request).value().series.empty());
}

TEST_CASE("the time range chooses chunks, whole ones", "[storeapi]") {
    const auto storage = GENERATE(false, true) ? db_storage() : memory_storage();
    storage->add({{"a", "1"}}, {{1, 1}, {2, 2}, {3, 3}});
    StoreNode node(storage->queryable(), StoreNode::region());
    const auto count = [&](int64_t min_t, int64_t max_t) {
        auto request = StoreNode::series_request({equal("a", "1")});
        request.set_min_time(min_t);
        request.set_max_time(max_t);
        const auto answer = node.series(request).value();
        return answer.series.empty() ? size_t{0} : samples_of(answer.series.front()).size();
    };
    CHECK(count(1, 3) == 3);
    CHECK(count(1, 2) == 3);
    CHECK(count(4, 6) == 0);
    CHECK(count(3, 1) == 0);
}

TEST_CASE("a request that names the node's labels alone is refused", "[storeapi]") {
    const auto storage = memory_storage();
    StoreNode node(storage->queryable(), StoreNode::region());
    const auto refused = node.series(StoreNode::series_request({equal("region", "eu-west")}));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == Code::kInvalid);
    CHECK(refused.error().message() == "no matchers specified (excluding external labels)");
    CHECK(node.series(StoreNode::series_request({equal("region", "eu-east")}))
              .value()
              .series.empty());
}

TEST_CASE("chunks carry their hash, and their own times", "[storeapi]") {
    const auto storage = GENERATE(false, true) ? db_storage() : memory_storage();
    storage->add({{"a", "1"}}, line(kNow, 500));
    StoreNode node(storage->queryable(), StoreNode::region());
    const auto answer = node.series(StoreNode::series_request({equal("a", "1")})).value();
    const thanos::Series& series = answer.series.front();
    CHECK(samples_of(series).size() == 500);
    CHECK(series.chunks_size() >= 4);
    for (const thanos::AggrChunk& chunk : series.chunks()) {
        CHECK(chunk.raw().hash() == base::xxh64(chunk.raw().data()));
        CHECK(chunk.raw().data().size() > 2);
    }
}

TEST_CASE("late samples come in their place, in chunks that do not overlap", "[storeapi]") {
    const auto storage = db_storage();
    storage->add({{"a", "1"}}, line(kNow, 300));
    storage->add({{"a", "1"}}, line(kNow + 7'000, 30));
    StoreNode node(storage->queryable(), StoreNode::region());
    const auto answer = node.series(StoreNode::series_request({equal("a", "1")})).value();
    REQUIRE(answer.series.size() == 1);
    const auto times = times_of(answer.series.front());
    CHECK(times.size() == 330);
    CHECK(std::ranges::is_sorted(times));
    for (int i = 1; i < answer.series.front().chunks_size(); ++i) {
        CHECK(answer.series.front().chunks(i).min_time() >
              answer.series.front().chunks(i - 1).max_time());
    }
}

TEST_CASE("histograms that a source holds as they are go out encoded", "[storeapi]") {
    query::testing::MemoryStorage storage;
    auto histogram = std::make_shared<model::FloatHistogram>();
    histogram->count = 3;
    histogram->sum = 7;
    std::vector<model::ChunkSample> samples{{.t = kNow, .v = 1},
                                            {.t = kNow + 1, .histogram = histogram}};
    storage.add({{"a", "1"}}, samples);
    StoreNode node(storage, StoreNode::region());
    const auto answer = node.series(StoreNode::series_request({equal("a", "1")})).value();
    REQUIRE(answer.series.size() == 1);
    REQUIRE(answer.series.front().chunks_size() == 2);
    CHECK(answer.series.front().chunks(0).raw().type() == thanos::Chunk::ENCODING_XOR);
    CHECK(answer.series.front().chunks(1).raw().type() == thanos::Chunk::ENCODING_FLOAT_HISTOGRAM);
    CHECK(samples_of(answer.series.front()).back().floating->sum == 7);
}

TEST_CASE("shards are those of the rule that all stores share", "[storeapi]") {
    const std::vector<model::LabelView> labels = {
        {"container", "nginx"}, {"node", "node-1"}, {"pod", "nginx"}};
    const auto has = [&](bool by, const Texts& names, int64_t index, int64_t total) {
        thanos::ShardInfo info;
        info.set_by(by);
        info.set_shard_index(index);
        info.set_total_shards(total);
        for (const std::string& name : names) {
            info.add_labels(name);
        }
        return storeapi::Shard(info).has(labels);
    };
    CHECK(has(true, {"pod", "node"}, 1, 2));
    CHECK_FALSE(has(true, {"pod", "node"}, 0, 2));
    CHECK(has(false, {"node"}, 0, 2));
    CHECK_FALSE(has(false, {"node"}, 1, 2));
    CHECK_FALSE(has(true, {}, 0, 2));
    CHECK(has(true, {}, 1, 2));
    CHECK(has(false, {}, 0, 2));
    CHECK_FALSE(has(false, {}, 1, 2));
    CHECK(has(true, {"pod"}, 0, 0));
    CHECK(has(true, {"pod"}, 5, -1));
}

TEST_CASE("every series is in one shard, and the limit counts those of the shard", "[storeapi]") {
    const auto storage = memory_storage();
    for (int i = 0; i < 100; ++i) {
        storage->add({{"__name__", "m"}, {"i", std::to_string(i)}}, line(kNow, 2));
    }
    StoreNode node(storage->queryable(), StoreNode::region());
    auto request = StoreNode::series_request({equal("__name__", "m")});
    std::set<std::string> seen;
    for (int shard = 0; shard < 3; ++shard) {
        request.mutable_shard_info()->set_shard_index(shard);
        request.mutable_shard_info()->set_total_shards(3);
        request.set_limit(0);
        const auto answer = node.series(request).value();
        CHECK(answer.series.size() > 15);
        for (const std::string& text : answer.texts) {
            CHECK(seen.insert(text).second);
        }
        request.set_limit(10);
        const auto few = node.series(request).value();
        CHECK(few.texts == Texts(answer.texts.begin(), answer.texts.begin() + 10));
    }
    CHECK(seen.size() == 100);
}

TEST_CASE("a request over a limit is refused with its name", "[storeapi]") {
    const auto storage = memory_storage();
    for (int i = 0; i < 10; ++i) {
        storage->add({{"__name__", "m"}, {"i", std::to_string(i)}}, line(kNow, 240));
    }
    const auto ask = [&](const storeapi::Options& options) {
        StoreNode node(storage->queryable(), StoreNode::region(), options);
        return node.series(StoreNode::series_request({equal("__name__", "m")}));
    };
    CHECK(ask({.request_series_max = 10, .request_samples_max = 2400}));
    const auto series = ask({.request_series_max = 9});
    REQUIRE_FALSE(series);
    CHECK(series.error().code() == Code::kLimit);
    CHECK_THAT(series.error().message(), Catch::Contains("--store.limits.request-series"));
    const auto samples = ask({.request_samples_max = 2399});
    REQUIRE_FALSE(samples);
    CHECK(samples.error().code() == Code::kLimit);
    CHECK_THAT(samples.error().message(), Catch::Contains("--store.limits.request-samples"));
}

TEST_CASE("a slow reader of many series costs little memory, and none when it is gone",
          "[storeapi]") {
    const auto storage = db_storage();
    for (int i = 0; i < 20'000; ++i) {
        storage->add({{"__name__", "m"}, {"i", std::to_string(i)}}, {{kNow, 1}, {kNow + 1, 2}});
    }
    StoreNode node(storage->queryable(), StoreNode::region());
    auto request = StoreNode::series_request({equal("__name__", "m")});
    request.set_response_batch_size(64);
    auto reader =
        node.channel().stream("/thanos.Store/Series", request.SerializeAsString(), node.soon());
    std::string message;
    REQUIRE(reader->next(message).value());
    CHECK(node.budget().used() < int64_t{8} << 20);
    reader.reset();
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (node.budget().used() != 0 && std::chrono::steady_clock::now() < end) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    CHECK(node.budget().used() == 0);
}

TEST_CASE("what makes no sense is refused as the caller's fault", "[storeapi]") {
    const auto storage = memory_storage();
    storage->add({{"a", "1"}}, line(kNow, 2));
    StoreNode node(storage->queryable(), StoreNode::region());
    const auto code = [](const auto& result) {
        return result ? Code::kInternal : result.error().code();
    };
    CHECK(code(node.series(StoreNode::series_request({{"a", kRegex, "("}}))) == Code::kInvalid);
    CHECK(code(node.label_names({{"a", kRegex, "("}})) == Code::kInvalid);
    CHECK(code(node.label_values("a", {{"a", kRegex, "("}})) == Code::kInvalid);
    CHECK(code(node.series(StoreNode::series_request({}))) == Code::kInvalid);
    CHECK(code(node.series(StoreNode::series_request(
              {{"a", static_cast<thanos::LabelMatcher::Type>(17), "x"}}))) == Code::kInvalid);
    CHECK(code(node.series(StoreNode::series_request(
              {{"a", kRegex, std::string(size_t{300} * 1024, 'x')}}))) == Code::kLimit);
    for (const char* const path : {"/thanos.Store/LabelNames", "/thanos.Store/LabelValues"}) {
        CHECK(code(node.channel().call(path, "\xff\xff\xff", node.soon())) == Code::kInvalid);
    }
    std::string message;
    CHECK(code(node.channel()
                   .stream("/thanos.Store/Series", "\xff\xff\xff", node.soon())
                   ->next(message)) == Code::kInvalid);
    // Limits that cannot be reached, and ones below nothing.
    auto request = StoreNode::series_request({equal("a", "1")});
    request.set_limit(INT64_MAX);
    CHECK(node.series(request).value().series.size() == 1);
    request.set_limit(INT64_MIN);
    request.set_response_batch_size(INT64_MAX);
    CHECK(node.series(request).value().series.size() == 1);
}

TEST_CASE("a node whose storage is not read yet says so", "[storeapi]") {
    const auto storage = memory_storage();
    StoreNode node(storage->queryable(), StoreNode::region());
    node.set_ready(false);
    CHECK(node.label_names({}).error().code() == Code::kUnavailable);
    CHECK(node.series(StoreNode::series_request({equal("a", "1")})).error().code() ==
          Code::kUnavailable);
}

// What is made of the answers of foreign stores, good and bad ones.
#include <algorithm>
#include <array>
#include <bit>
#include <thread>

#include <catch2/catch.hpp>

#include "model/xor_chunk.h"
#include "storeapi/peers/gathered_series.h"
#include "storeapi/peers/store_frames.h"
#include "test/storeapi/peers_fixture.h"

using namespace storeapi_test;

namespace {

using Steps = std::vector<ScriptedStore::Step>;

const std::vector<Matched> kAny = {equal("job", "j")};

Points points(int64_t from, int64_t to) {
    Points points;
    for (int64_t t = from; t <= to; ++t) {
        points.emplace_back(t, static_cast<double>(t));
    }
    return points;
}

thanos::AggrChunk chunk(int64_t from, int64_t to) {
    return chunk_message(points(from, to));
}

// Labels {a=…} and one chunk of times 1 to 3.
thanos::Series series(const std::string& value) {
    return series_message({{"a", value}}, {chunk(1, 3)});
}

model::QueryScope without(std::vector<std::string> labels) {
    return {.replica_labels = std::move(labels)};
}

model::QueryScope strict() {
    return {.partial_response = false};
}

// One store, asked for everything.
struct Asked {
    explicit Asked(Steps steps, ScriptedStore::Facts facts = {}, PeersBed::Setup setup = {})
        : store(std::move(steps), std::move(facts)), bed(std::move(setup)) {
        bed.ask_stores({store.address()});
    }

    ReadAnswer answer(const model::QueryScope& scope = {}, const model::SelectHints& hints = {}) {
        return bed.select(kAny, scope, hints).value();
    }

    [[nodiscard]] Texts warnings_of(const std::string& text) const {
        return {store.address() + ": " + text};
    }

    ScriptedStore store;
    PeersBed bed;
};

// The times need not ascend.
std::string xor_bytes(const Points& points) {
    std::vector<uint8_t> bytes(256);
    model::XorState state;
    for (const auto& [t, v] : points) {
        REQUIRE(
            model::xor_append(state, bytes.data(), 0, bytes.size(), t, std::bit_cast<uint64_t>(v)));
    }
    model::xor_finish(bytes.data(), state.count);
    return {bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(state.bytes())};
}

// A downsampled chunk of windows that end at 10, 20, 30.
thanos::AggrChunk windows(const Points& count, const Points& sum, const Points& counter) {
    thanos::AggrChunk message = chunk_message({{10, 0}, {30, 0}});
    message.clear_raw();
    *message.mutable_count() = chunk_message(count).raw();
    *message.mutable_sum() = chunk_message(sum).raw();
    *message.mutable_min() = chunk_message({{10, -1}, {20, -2}, {30, -3}}).raw();
    *message.mutable_max() = chunk_message({{10, 1}, {20, 2}, {30, 3}}).raw();
    *message.mutable_counter() = chunk_message(counter).raw();
    return message;
}

}  // namespace

TEST_CASE("series come from plain frames and from batches, cut over frames or not", "[storeapi]") {
    Asked asked({frame(series_message({{"a", "1"}}, {chunk(1, 3)})),
                 frame(series_message({{"a", "1"}}, {chunk(4, 6)})),
                 batch_frame({series_message({{"a", "1"}}, {chunk(7, 9)}), series("2")}),
                 batch_frame({series_message({{"a", "2"}}, {chunk(4, 5)}), series("3")})});
    const ReadAnswer answer = asked.answer();
    CHECK(answer.texts() == Texts{R"({a="1"})", R"({a="2"})", R"({a="3"})"});
    CHECK(answer.series[0].points(1) == points(1, 9));
    CHECK(answer.series[0].chunk_texts() == Texts{"1..3@1", "4..6@1", "7..9@1"});
    CHECK(answer.series[1].points(1) == points(1, 5));
    CHECK(answer.warnings.empty());
}

TEST_CASE("a store that sorts wrongly is put in order", "[storeapi]") {
    Asked asked({frame(series("3")),
                 batch_frame({series("1"), series("2")}),
                 frame(series_message({{"a", "3"}}, {chunk(4, 6), chunk(1, 3)})),
                 frame(series_message({{"b", "x"}, {"a", "0"}}, {chunk(1, 3)}))});
    const ReadAnswer answer = asked.answer();
    CHECK(answer.texts() == Texts{R"({a="0", b="x"})", R"({a="1"})", R"({a="2"})", R"({a="3"})"});
    CHECK(answer.series.back().chunk_texts() == Texts{"1..3@1", "4..6@1"});
}

TEST_CASE("labels are taken off for a store that cannot", "[storeapi]") {
    const bool store_can = GENERATE(false, true);
    Asked asked({frame(series_message({{"a", "1"}, {"replica", "x"}, {"z", "1"}}, {chunk(1, 3)})),
                 frame(series_message({{"a", "1"}, {"replica", "x"}, {"z", "3"}}, {chunk(1, 3)})),
                 frame(series_message({{"a", "1"}, {"replica", "y"}, {"z", "1"}}, {chunk(4, 6)})),
                 frame(series_message({{"a", "1"}, {"replica", "y"}, {"z", "2"}}, {chunk(1, 3)}))},
                {.without_replica_labels = store_can});
    const ReadAnswer answer = asked.answer(without({"replica"}), {.limit = 2});
    CHECK(asked.store.request().without_replica_labels_size() == 1);
    CHECK(asked.store.request().limit() == (store_can ? 2 : 0));
    CHECK(answer.texts() == Texts{R"({a="1", z="1"})", R"({a="1", z="2"})"});
    CHECK(answer.series[0].points(1) == points(1, 6));
    const ReadAnswer apart = asked.answer({.dedup = false, .replica_labels = {"replica"}});
    CHECK(asked.store.request().without_replica_labels_size() == 0);
    CHECK(apart.series.size() == 4);
}

TEST_CASE("equal chunks come once, and those that overlap are accounts of their own",
          "[storeapi]") {
    Asked asked({frame(series_message({{"a", "1"}},
                                      {chunk(1, 10), chunk(1, 10), chunk(5, 12), chunk(11, 20)})),
                 frame(series_message({{"a", "1"}}, {chunk(13, 15)}))});
    const ReadAnswer answer = asked.answer();
    REQUIRE(answer.series.size() == 1);
    // One endpoint: account k is replica 1 + 2 k.
    CHECK(answer.series[0].chunk_texts() == Texts{"1..10@1", "5..12@3", "11..20@1", "13..15@3"});
}

TEST_CASE("chunks beyond the range are left out, and series with none", "[storeapi]") {
    Asked asked({frame(series_message({{"a", "1"}}, {chunk(1, 3), chunk(5, 7), chunk(9, 11)})),
                 frame(series_message({{"a", "2"}}, {chunk(1, 3)})),
                 frame(series_message({{"a", "3"}}, {}))});
    const ReadAnswer answer = asked.answer({}, {.min_t = 4, .max_t = 9});
    CHECK(answer.texts() == Texts{R"({a="1"})"});
    CHECK(answer.series[0].chunk_texts() == Texts{"5..7@1", "9..11@1"});
    CHECK(asked.store.request().min_time() == 4);
    CHECK(asked.store.request().max_time() == 9);
}

TEST_CASE("labels alone come without chunks", "[storeapi]") {
    Asked asked({frame(series_message({{"a", "1"}}, {})), frame(series("2"))});
    const ReadAnswer answer = asked.answer({}, {.skip_chunks = true});
    CHECK(asked.store.request().skip_chunks());
    CHECK(answer.texts() == Texts{R"({a="1"})", R"({a="2"})"});
    CHECK(answer.series[1].chunks.empty());
}

TEST_CASE("a store's warnings name it", "[storeapi]") {
    Asked asked({frame(series("1")), warning_frame("a block is gone"), frame(series("2"))});
    const ReadAnswer answer = asked.answer();
    CHECK(answer.series.size() == 2);
    CHECK(answer.warnings == asked.warnings_of("a block is gone"));
}

TEST_CASE("a request says what it is for, as a Thanos querier's does", "[storeapi]") {
    Asked asked({}, {.labels = {{"region", "eu"}}});
    const auto aggregates = [&](const std::string& function) {
        asked.answer({}, {.range_ms = 600'000, .function = function});
        const auto request = asked.store.request();
        return std::vector<int>(request.aggregates().begin(), request.aggregates().end());
    };
    using Kinds = std::vector<int>;
    CHECK(aggregates("") == Kinds{thanos::AGGR_COUNT, thanos::AGGR_SUM});
    CHECK(aggregates("min") == Kinds{thanos::AGGR_MIN});
    CHECK(aggregates("max_over_time") == Kinds{thanos::AGGR_MAX});
    CHECK(aggregates("count_over_time") == Kinds{thanos::AGGR_COUNT});
    CHECK(aggregates("sum_over_time") == Kinds{thanos::AGGR_SUM});
    CHECK(aggregates("sum") == Kinds{thanos::AGGR_COUNT, thanos::AGGR_SUM});
    CHECK(aggregates("minute") == Kinds{thanos::AGGR_COUNT, thanos::AGGR_SUM});
    CHECK(aggregates("rate") == Kinds{thanos::AGGR_COUNTER});
    const auto window = [&](const std::string& function) {
        asked.answer({.max_source_resolution_ms = 3'600'000},
                     {.range_ms = 600'000, .function = function});
        return asked.store.request().max_resolution_window();
    };
    CHECK(window("rate") == 300'000);
    CHECK(window("avg_over_time") == 3'600'000);
    const auto request = asked.store.request();
    CHECK(request.response_batch_size() == 64);
    CHECK_FALSE(request.partial_response_disabled());
    REQUIRE(request.matchers_size() == 1);
    CHECK(request.matchers(0).name() == "job");
    // One more for a store whose labels judge all others.
    REQUIRE(asked.bed.select({equal("region", "eu")}));
    CHECK(asked.store.request().matchers_size() == 2);
    REQUIRE(asked.bed.select(kAny, strict()));
    CHECK(asked.store.request().partial_response_disabled());
    CHECK(asked.store.request().partial_response_strategy() == thanos::PARTIAL_ABORT);
}

TEST_CASE("an error of a store is a warning, or the query's without partial answers",
          "[storeapi]") {
    const bool begun = GENERATE(false, true);
    CAPTURE(begun);
    Steps steps;
    if (begun) {
        steps.push_back(frame(series("1")));
    }
    steps.push_back(error_step(base::Code::kLimit, "too many series"));
    Asked asked(std::move(steps));
    const ReadAnswer answer = asked.answer();
    CHECK(answer.series.size() == (begun ? 1 : 0));
    CHECK(answer.warnings == asked.warnings_of("too many series"));
    const auto refused = asked.bed.select(kAny, strict());
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == base::Code::kUnavailable);
    CHECK(refused.error().message() == asked.store.address() + ": too many series");
}

TEST_CASE("one store's error leaves the others' series", "[storeapi]") {
    ScriptedStore good({frame(series("1")), frame(series("3"))});
    ScriptedStore bad({frame(series("2")), error_step(base::Code::kInternal, "lost a disk")});
    PeersBed bed;
    bed.ask_stores({good.address(), bad.address()});
    const auto answer = bed.select(kAny).value();
    CHECK(answer.texts() == Texts{R"({a="1"})", R"({a="2"})", R"({a="3"})"});
    CHECK(answer.warnings == Texts{bad.address() + ": lost a disk"});
}

TEST_CASE("all stores are at work at the same time", "[storeapi]") {
    // Each answers when the others have been asked.
    std::array<ScriptedStore*, 3> all{};
    const auto others_asked = [&] {
        return std::ranges::all_of(all,
                                   [](const ScriptedStore* store) { return store->calls() > 0; });
    };
    auto step = frame(series("1"));
    step.until = others_asked;
    ScriptedStore a({step});
    ScriptedStore b({step});
    ScriptedStore c({step});
    all = {&a, &b, &c};
    PeersBed bed;
    bed.ask_stores({a.address(), b.address(), c.address()});
    const auto answer = bed.select(kAny).value();
    CHECK(answer.texts() == Texts{R"({a="1"})"});
    CHECK(answer.warnings.empty());
}

TEST_CASE("bytes that are no answer are an error that names the store", "[storeapi]") {
    thanos::SeriesResponse whole;
    *whole.mutable_series() = series("2");
    const std::string bytes = whole.SerializeAsString();
    const std::string bad = GENERATE_COPY(std::string("\xff\xff\xff"),
                                          bytes.substr(0, bytes.size() - 1),
                                          std::string("\x0b\x0c"),
                                          std::string("\x0a\x7f"),
                                          std::string("\x0a\x04\x0a\x02\x0a\x09", 6));
    Asked asked({frame(series("1")), {.message = bad}, frame(series("3"))});
    const ReadAnswer answer = asked.answer();
    CHECK(answer.texts() == Texts{R"({a="1"})"});
    CHECK(answer.warnings == asked.warnings_of("the answer to Series is not readable"));
    CHECK_FALSE(asked.bed.select(kAny, strict()));
}

TEST_CASE("every prefix of an answer, and every byte of it turned over, is read or refused",
          "[storeapi]") {
    thanos::SeriesResponse whole;
    *whole.mutable_batch()->add_series() = series("1");
    *whole.mutable_batch()->add_series() =
        series_message({{"a", "2"}}, {windows({{10, 1}}, {{10, 1}}, {{1, 1}, {10, 1}})});
    const std::string bytes = whole.SerializeAsString();
    const auto read = [](const std::string& message) {
        const auto gathered = std::make_shared<storeapi::GatheredSeries>(Texts());
        storeapi::StoreFrames frames({.min_t = INT64_MIN, .max_t = INT64_MAX}, *gathered);
        const base::Status status = frames.read(message);
        frames.finish();
        model::SeriesBatch batch;
        while (gathered->give(batch)) {
        }
        return status.has_value();
    };
    for (size_t i = 0; i < bytes.size(); ++i) {
        read(bytes.substr(0, i));
        for (const char turn : {'\x01', '\x80', '\xff'}) {
            std::string changed = bytes;
            changed[i] = static_cast<char>(changed[i] ^ turn);
            read(changed);
        }
    }
    CHECK(read(bytes));
}

TEST_CASE("chunks that cannot be chunks are left out with a warning", "[storeapi]") {
    thanos::AggrChunk too_short = chunk(4, 6);
    too_short.mutable_raw()->set_data("x");
    thanos::AggrChunk unknown = chunk(7, 9);
    unknown.mutable_raw()->set_type(static_cast<thanos::Chunk::Encoding>(9));
    thanos::AggrChunk backwards = chunk(4, 6);
    backwards.set_max_time(3);
    Asked asked({frame(series_message({{"a", "1"}}, {chunk(1, 3), too_short, unknown, backwards})),
                 frame(series_message({{"a", "2"}}, {too_short}))});
    const ReadAnswer answer = asked.answer();
    CHECK(answer.texts() == Texts{R"({a="1"})"});
    CHECK(answer.series[0].points(1) == points(1, 3));
    CHECK(answer.warnings == asked.warnings_of("4 chunks were left out: they cannot be read"));
}

TEST_CASE("of downsampled data a function gets what it can use", "[storeapi]") {
    Asked asked({frame(series_message({{"a", "1"}},
                                      {windows({{10, 2}, {20, 4}, {30, 1}},
                                               {{10, 10}, {20, 10}, {30, 3}},
                                               {{1, 5}, {10, 8}, {20, 9}, {30, 9}})}))});
    const auto of = [&](const std::string& function) {
        const ReadAnswer answer = asked.answer({}, {.function = function});
        return answer.series.empty() ? Points() : answer.series[0].points(1);
    };
    CHECK(of("") == Points{{10, 5}, {20, 2.5}, {30, 3}});
    CHECK(of("min_over_time") == Points{{10, -1}, {20, -2}, {30, -3}});
    CHECK(of("max") == Points{{10, 1}, {20, 2}, {30, 3}});
    CHECK(of("sum_over_time") == Points{{10, 10}, {20, 10}, {30, 3}});
    CHECK(of("count") == Points{{10, 2}, {20, 4}, {30, 1}});
    CHECK(of("increase") == Points{{1, 5}, {10, 8}, {20, 9}, {30, 9}});
    const std::string function = GENERATE("count_over_time", "resets");
    const ReadAnswer answer = asked.answer({}, {.function = function});
    CHECK(answer.series.empty());
    CHECK(answer.warnings == asked.warnings_of("1 downsampled chunks were left out: " + function +
                                               " cannot be worked out of them; ask for raw data "
                                               "(max_source_resolution=0s)"));
}

TEST_CASE("a downsampled counter goes on over its chunks without resets", "[storeapi]") {
    // True values 5, 8, then a reset to 2: 10 without resets; the next chunk goes on from 2.
    thanos::AggrChunk one = windows({{10, 1}}, {{10, 1}}, {{1, 5}});
    one.set_max_time(20);
    one.mutable_counter()->set_data(xor_bytes({{1, 5}, {10, 8}, {20, 10}, {20, 2}}));
    thanos::AggrChunk two = windows({{30, 1}}, {{30, 1}}, {{25, 3}, {30, 7}});
    two.set_min_time(30);
    Asked asked({frame(series_message({{"a", "1"}}, {one, two}))});
    const ReadAnswer answer = asked.answer({}, {.function = "rate"});
    REQUIRE(answer.series.size() == 1);
    CHECK(answer.series[0].points(1) == Points{{1, 5}, {10, 8}, {20, 10}, {25, 11}, {30, 15}});
}

TEST_CASE("a store that is silent too long is left", "[storeapi]") {
    const bool begun = GENERATE(false, true);
    CAPTURE(begun);
    Steps steps;
    if (begun) {
        steps.push_back(frame(series("1")));
    }
    steps.push_back({.hang = true});
    Asked asked(std::move(steps), {}, {.response_timeout = std::chrono::milliseconds(100)});
    ScriptedStore good({frame(series("2"))});
    asked.bed.ask_stores({asked.store.address(), good.address()});
    const ReadAnswer answer = asked.answer();
    CHECK(answer.texts().back() == R"({a="2"})");
    CHECK(answer.series.size() == (begun ? 2 : 1));
    CHECK(answer.warnings == asked.warnings_of("no message came for 100 ms"));
}

TEST_CASE("a cancelled query ends, and its calls with it", "[storeapi]") {
    Asked asked({frame(series("1")), {.hang = true}});
    std::stop_source stop;
    asked.bed.context.stop = stop.get_token();
    std::thread canceller([&] {
        while (!asked.store.hanging()) {
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        stop.request_stop();
    });
    const auto answer = asked.bed.select(kAny);
    canceller.join();
    REQUIRE_FALSE(answer);
    CHECK(answer.error().code() == base::Code::kCanceled);
    while (!asked.store.cancelled()) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
}

TEST_CASE("a query out of time says so, whoever was slow", "[storeapi]") {
    Asked asked({{.hang = true}});
    base::SystemClock clock;
    asked.bed.context.deadline = base::Deadline::after(clock, std::chrono::milliseconds(50));
    const auto answer = asked.bed.select(kAny);
    if (answer) {
        // The connection's clock may be a moment ahead of the query's.
        CHECK(answer.value().warnings.size() == 1);
    } else {
        CHECK(answer.error().code() == base::Code::kTimeout);
    }
}

TEST_CASE("an answer that is larger than the query's memory fails the query", "[storeapi]") {
    Steps steps;
    for (int i = 0; i < 100; ++i) {
        steps.push_back(frame(series(std::string(10'000, 'x') + std::to_string(i))));
    }
    Asked asked(std::move(steps));
    asked.bed.budget.set_limit(200'000);
    const auto answer = asked.bed.select(kAny);
    REQUIRE_FALSE(answer);
    CHECK(answer.error().code() == base::Code::kLimit);
    CHECK(asked.bed.budget.used() == 0);
    asked.bed.budget.set_limit(10'000'000);
    CHECK(asked.answer().series.size() == 100);
    CHECK(asked.bed.budget.used() == 0);
}

TEST_CASE("names of labels come from stores, without those that are taken off", "[storeapi]") {
    Asked asked({});
    thanos::LabelNamesResponse response;
    for (const char* name : {"b", "replica", "a", "b"}) {
        response.add_names(name);
    }
    response.add_warnings("not all of them");
    asked.store.set_names(response);
    CHECK(asked.bed.names(kAny, without({"replica"})).value() == Texts{"a", "b"});
    CHECK(asked.bed.warnings() == asked.warnings_of("not all of them"));
    CHECK(asked.bed.names(kAny).value() == Texts{"a", "b", "replica"});
    // The scripted store has no such method.
    CHECK(asked.bed.values("a").value().empty());
    CHECK(asked.bed.warnings().size() == 1);
    CHECK_FALSE(asked.bed.values("a", {}, strict()));
    CHECK(asked.bed.values("replica", {}, without({"replica"})).value().empty());
    CHECK(asked.bed.warnings().empty());
}

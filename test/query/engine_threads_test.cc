// Several threads on one query: the answer is that of one thread, to the last bit.
#include <algorithm>
#include <atomic>
#include <bit>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>
#include <sched.h>

#include "query/answer_frames.h"
#include "query/engine.h"
#include "query/exec/helpers.h"
#include "query/exec/shared_pieces.h"
#include "query/result_json.h"
#include "query/testing/memory_storage.h"
#include "test/support/fake_clock.h"

namespace {

using base::Code;

constexpr int64_t kMinute = 60'000;
constexpr size_t kSeries = 3000;  // several batches of any source

// The same series for an engine with one thread, and for one with several.
struct Pair {
    explicit Pair(query::Options options = {}) : one(options, 1), several(options, 4) {}

    struct Side {
        Side(query::Options options, size_t threads)
            : engine(with_threads(options, threads), storage, clock, budget) {
            for (size_t i = 0; i < kSeries; ++i) {
                std::vector<model::ChunkSample> samples;
                for (int64_t t = 0; t <= 60; ++t) {
                    const auto x = static_cast<double>((t * 7919 + static_cast<int64_t>(i)) % 1009);
                    samples.push_back({t * kMinute, 0, x / 7, nullptr});
                }
                storage.add(model::Labels{{"__name__", i % 2 == 0 ? "m_total" : "plain"},
                                          {"group", std::to_string(i % 7)},
                                          {"id", std::to_string(i)}},
                            samples);
            }
        }

        static query::Options with_threads(query::Options options, size_t threads) {
            options.max_threads = threads;
            return options;
        }

        query::testing::MemoryStorage storage;
        test_support::FakeClock clock;
        base::Budget budget{"test", 1 << 30};
        query::Engine engine;
    };

    Side one, several;
};

void check_same(const query::QueryResult& a, const query::QueryResult& b) {
    const auto& left = std::get<query::MatrixValue>(a.value);
    const auto& right = std::get<query::MatrixValue>(b.value);
    REQUIRE(left.size() == right.size());
    for (size_t i = 0; i < left.size(); ++i) {
        REQUIRE(left[i].labels == right[i].labels);
        REQUIRE(left[i].floats.size() == right[i].floats.size());
        for (size_t k = 0; k < left[i].floats.size(); ++k) {
            REQUIRE(left[i].floats[k].t == right[i].floats[k].t);
            REQUIRE(std::bit_cast<uint64_t>(left[i].floats[k].v) ==
                    std::bit_cast<uint64_t>(right[i].floats[k].v));
        }
    }
    CHECK(a.warnings == b.warnings);
    CHECK(a.infos == b.infos);
    CHECK(a.stats.samples_read == b.stats.samples_read);
    CHECK(a.stats.queryable_samples == b.stats.queryable_samples);
    CHECK(a.stats.peak_samples == b.stats.peak_samples);
    CHECK(a.stats.queryable_per_step == b.stats.queryable_per_step);
    CHECK(a.stats.first_read_per_step == b.stats.first_read_per_step);
}

}  // namespace

TEST_CASE("several threads give the answer of one", "[query][threads]") {
    query::Options options;
    options.per_step_stats = true;
    Pair pair(options);
    query::QueryParams params;
    params.per_step_stats = true;
    for (const char* query : {"m_total",
                              "sum by (group) (rate(m_total[5m]))",
                              "avg(rate({__name__=~'m_total|plain'}[7m]))",
                              "stddev by (group) (avg_over_time(plain[10m]))",
                              "quantile by (group) (0.9, plain)",
                              "quantile(scalar(plain{id='1'}) / 144, {__name__=~'m_total|plain'})",
                              "topk(3, m_total - on (id) group_left m_total offset 3m)",
                              "max_over_time(sum by (group) (increase(m_total[5m]))[20m:1m])",
                              "sum(m_total > 70) / count(plain)"}) {
        CAPTURE(query);
        const auto a = pair.one.engine.range(query, 0, 60 * kMinute, kMinute / 2, params);
        const auto b = pair.several.engine.range(query, 0, 60 * kMinute, kMinute / 2, params);
        REQUIRE(a.has_value());
        REQUIRE(b.has_value());
        check_same(a.value(), b.value());
    }
    CHECK(pair.several.budget.used() == 0);
}

TEST_CASE("an answer that several threads write is that of one", "[query][threads][result_json]") {
    Pair pair;
    const auto written = [](auto&& writer, size_t frame_bytes) {
        std::vector<std::string> frames;
        for (bool more = true; more;) {
            more = writer.write(frames.emplace_back(), frame_bytes);
        }
        return frames;
    };
    const auto joined = [](const std::vector<std::string>& frames) {
        std::string all;
        for (const std::string& frame : frames) {
            all += frame;
        }
        return all;
    };
    const auto check = [&](base::Result<query::QueryResult> result, query::exec::Helpers* helpers) {
        REQUIRE(result.has_value());
        const size_t frame_bytes = GENERATE(size_t{1}, size_t{1} << 18);
        CAPTURE(frame_bytes);
        const std::string want =
            joined(written(query::ResultWriter(result.value(), true), SIZE_MAX / 2));
        query::AnswerFrames answer(std::move(result).value(), true, helpers);
        const auto frames = written(answer, frame_bytes);
        CHECK(joined(frames) == want);
        const size_t longest = std::ranges::max_element(frames, {}, &std::string::size)->size();
        CHECK(longest < frame_bytes + (size_t{1} << 17));
    };
    query::Engine& engine = pair.several.engine;
    const auto range = [&](const char* query) {
        return engine.range(query, 0, 60 * kMinute, kMinute / 2);
    };
    SECTION("many series") {
        check(range("m_total"), &engine.helpers());
    }
    SECTION("nobody helps") {
        check(range("m_total"), nullptr);
    }
    SECTION("few bytes") {
        check(range("m_total{id='2'}"), &engine.helpers());
    }
    SECTION("none") {
        check(range("m_total{id='none'}"), &engine.helpers());
    }
    SECTION("a vector") {
        check(engine.instant("{__name__=~'m_total|plain'}", 60 * kMinute), &engine.helpers());
    }
    SECTION("a scalar") {
        check(engine.instant("1", 0), &engine.helpers());
    }
    SECTION("one long series") {
        check(engine.instant("(m_total{id='2'} * 1)[1h:250ms]", 60 * kMinute), &engine.helpers());
    }
}

TEST_CASE("an answer that nobody wants any more is let go of", "[query][threads][result_json]") {
    Pair pair;
    query::Engine& engine = pair.several.engine;
    auto result = engine.range("m_total", 0, 60 * kMinute, kMinute / 2);
    REQUIRE(result.has_value());
    {
        query::AnswerFrames answer(std::move(result).value(), false, &engine.helpers());
        std::string frame;
        CHECK(answer.write(frame, 1));
    }
    CHECK(pair.several.budget.used() == 0);
}

TEST_CASE("work that is spread is done once each", "[query][threads]") {
    query::exec::Helpers helpers(3);
    query::exec::Helpers none(0);
    const size_t count = GENERATE(size_t{0}, size_t{1}, size_t{2}, size_t{1000});
    for (query::exec::Helpers* who :
         {&helpers, &none, static_cast<query::exec::Helpers*>(nullptr)}) {
        std::vector<std::atomic<int>> done(count);
        query::exec::spread(who, count, [&](size_t i) { ++done[i]; });
        CHECK(std::ranges::all_of(done, [](const std::atomic<int>& times) { return times == 1; }));
    }
}

TEST_CASE("an idle helper is sent to another CPU than the one that asks", "[query][threads]") {
    // How many CPUs it may run on, told by the one who helps.
    struct Place final : query::exec::SharedWork {
        void help() override {
            cpu_set_t cpus;
            allowed = sched_getaffinity(0, sizeof(cpus), &cpus) == 0 ? CPU_COUNT(&cpus) : -1;
        }

        std::atomic<int> allowed{0};
    };

    cpu_set_t cpus;
    REQUIRE(sched_getaffinity(0, sizeof(cpus), &cpus) == 0);
    const int own = CPU_COUNT(&cpus);
    query::exec::Helpers helpers(1);
    const int wanted = std::max(own - 1, 1);  // with one CPU there is no other
    int allowed = 0;
    // The first time it begins with the work, and may have been busy when it was asked the second.
    for (int i = 0; i < 1000 && allowed != wanted; ++i) {
        const auto place = std::make_shared<Place>();
        REQUIRE(helpers.ask(place));
        while ((allowed = place->allowed.load()) == 0) {
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        CHECK((allowed == own || allowed == wanted));
    }
    CHECK(allowed == wanted);
}

TEST_CASE("several threads keep to the limits of a query", "[query][threads][limits]") {
    const auto refused = [](query::Options options, const char* query) {
        Pair pair(options);
        const auto a = pair.one.engine.range(query, 0, 60 * kMinute, kMinute);
        const auto b = pair.several.engine.range(query, 0, 60 * kMinute, kMinute);
        REQUIRE(a.has_error());
        REQUIRE(b.has_error());
        CHECK(a.error().code() == b.error().code());
        CHECK(pair.several.budget.used() == 0);
        return b.error().message();
    };
    SECTION("samples of one series") {
        query::Options options;
        options.max_samples = 50;
        CHECK(refused(options, "sum(rate(m_total[5m]))").find("too many samples") !=
              std::string::npos);
    }
    SECTION("samples of all rows") {
        query::Options options;
        options.max_samples = 50'000;
        CHECK(refused(options, "m_total").find("too many samples") != std::string::npos);
    }
    SECTION("memory") {
        query::Options options;
        options.max_query_memory = 512 * 1024;
        CHECK(refused(options, "m_total").find("query.max-memory") != std::string::npos);
    }
    SECTION("an argument out of range") {
        query::Options options;
        options.experimental_functions = true;
        CHECK(refused(options, "sum(double_exponential_smoothing(m_total[5m], 2, 0.5))") != "");
    }
}

TEST_CASE("a query that is cancelled leaves its helpers free", "[query][threads][limits]") {
    Pair pair;
    std::stop_source stop;
    query::QueryParams params;
    params.stop = stop.get_token();
    std::thread canceller([&] { stop.request_stop(); });
    // Ends one way or the other, whenever the cancellation comes.
    for (int i = 0; i < 3; ++i) {
        const auto answer =
            pair.several.engine.range("sum(rate(m_total[5m]))", 0, 60 * kMinute, 1000, params);
        CHECK((answer.has_value() || answer.error().code() == Code::kCanceled));
    }
    canceller.join();
    CHECK(
        pair.several.engine.range("sum(rate(m_total[5m]))", 0, 60 * kMinute, kMinute).has_value());
    CHECK(pair.several.budget.used() == 0);
}

TEST_CASE("queries at once share their helpers", "[query][threads]") {
    Pair pair;
    const char* query = "sum by (group) (rate(m_total[5m]))";
    const auto expected = pair.one.engine.range(query, 0, 60 * kMinute, kMinute);
    REQUIRE(expected.has_value());
    std::vector<base::Result<query::QueryResult>> answers;
    for (int i = 0; i < 6; ++i) {
        answers.emplace_back(base::fail(Code::kInternal, "not asked"));
    }
    std::vector<std::thread> threads;
    for (auto& answer : answers) {
        threads.emplace_back([&pair, &answer, query] {
            answer = pair.several.engine.range(query, 0, 60 * kMinute, kMinute);
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    for (const auto& answer : answers) {
        REQUIRE(answer.has_value());
        check_same(expected.value(), answer.value());
    }
}

// Limits, cancellation, memory, sharing of equal parts.
#include <atomic>
#include <thread>

#include <catch2/catch.hpp>

#include "query/engine.h"
#include "query/testing/memory_storage.h"
#include "test/support/fake_clock.h"

namespace {

using base::Code;

constexpr int64_t kMinute = 60'000;

struct Fixture {
    explicit Fixture(query::Options with = {}, size_t series = 100)
        : options(with), engine(options, storage, clock, budget) {
        for (size_t i = 0; i < series; ++i) {
            std::vector<model::ChunkSample> samples;
            for (int64_t t = 0; t <= 60 * kMinute; t += kMinute) {
                samples.push_back({t, 0, static_cast<double>(t / kMinute), nullptr});
            }
            const std::string id = std::to_string(i);
            storage.add(model::Labels{{"__name__", "m_total"}, {"id", id}}, samples);
        }
    }

    query::Options options;
    query::testing::MemoryStorage storage;
    test_support::FakeClock clock;
    base::Budget budget{"test", 1 << 30};
    query::Engine engine;
};

}  // namespace

TEST_CASE("a query that holds too many samples is refused", "[query][limits]") {
    query::Options options;
    options.max_samples = 1000;
    Fixture fixture(options);
    const auto answer = fixture.engine.range("m_total", 0, 60 * kMinute, kMinute);
    REQUIRE(answer.has_error());
    CHECK(answer.error().code() == Code::kExecution);
    CHECK(answer.error().message() ==
          "query processing would load too many samples into memory in query execution");
    CHECK(fixture.budget.used() == 0);
}

TEST_CASE("an aggregation does not hold its input", "[query][limits]") {
    query::Options options;
    options.max_samples = 1000;
    Fixture fixture(options);
    const auto answer = fixture.engine.range("sum(m_total)", 0, 60 * kMinute, kMinute);
    REQUIRE(answer.has_value());
    CHECK(answer.value().stats.peak_samples < 1000);
    CHECK(answer.value().stats.samples_read == 6100);
}

TEST_CASE("a query that needs too much memory is refused by name", "[query][limits]") {
    query::Options options;
    options.max_query_memory = 64 * 1024;
    Fixture fixture(options);
    const auto answer = fixture.engine.range("m_total", 0, 60 * kMinute, 1000);
    REQUIRE(answer.has_error());
    CHECK(answer.error().code() == Code::kLimit);
    CHECK(answer.error().message().find("query.max-memory") != std::string::npos);
    CHECK(fixture.budget.used() == 0);
}

TEST_CASE("labels that a query reads count as its memory", "[query][limits]") {
    query::Options options;
    options.max_query_memory = 1 << 20;
    Fixture fixture(options, 0);
    const std::vector<model::ChunkSample> samples{{kMinute, 0, 1, nullptr}};
    for (size_t i = 0; i < 4096; ++i) {
        const std::string id = std::string(512, 'x') + std::to_string(i);
        fixture.storage.add(model::Labels{{"__name__", "m_total"}, {"id", id}}, samples);
    }
    const auto answer = fixture.engine.instant("m_total", kMinute);
    REQUIRE(answer.has_error());
    CHECK(answer.error().code() == Code::kLimit);
    CHECK(answer.error().message().find("query.max-memory") != std::string::npos);
    CHECK(fixture.budget.used() == 0);
}

TEST_CASE("a canceled query ends with the text of the API", "[query][limits]") {
    Fixture fixture;
    std::stop_source source;
    source.request_stop();
    query::QueryParams params;
    params.stop = source.get_token();
    const auto answer = fixture.engine.instant("m_total", kMinute, params);
    REQUIRE(answer.has_error());
    CHECK(answer.error().code() == Code::kCanceled);
    CHECK(answer.error().message() == "query was canceled in expression evaluation");
}

TEST_CASE("a query whose time is over ends with the text of the API", "[query][limits]") {
    Fixture fixture;
    query::QueryParams params;
    params.deadline = base::Deadline(fixture.clock.steady());
    const auto answer = fixture.engine.instant("m_total", kMinute, params);
    REQUIRE(answer.has_error());
    CHECK(answer.error().code() == Code::kTimeout);
    CHECK(answer.error().message() == "query timed out in expression evaluation");
}

TEST_CASE("without a free place a query waits until its time is over", "[query][limits]") {
    query::Options options;
    options.max_concurrency = 0;
    Fixture fixture(options);
    query::QueryParams params;
    params.deadline = base::Deadline(fixture.clock.steady());
    const auto answer = fixture.engine.instant("m_total", kMinute, params);
    REQUIRE(answer.has_error());
    CHECK(answer.error().message() == "query timed out in query queue");
    CHECK(fixture.engine.active_queries().count() == 0);
}

TEST_CASE("equal parts of a query are read once", "[query][plan]") {
    Fixture fixture;
    const auto answer = fixture.engine.instant("sum(m_total) / count(m_total)", 10 * kMinute);
    REQUIRE(answer.has_value());
    CHECK(std::get<query::VectorValue>(answer.value().value)[0].v == 10);
    // The lookback of five minutes holds five samples of each series.
    CHECK(answer.value().stats.samples_read == 500);
}

TEST_CASE("what does not depend on the step is evaluated once", "[query][plan]") {
    Fixture fixture;
    const auto answer = fixture.engine.range("sum(m_total @ 600)", 0, 60 * kMinute, kMinute);
    REQUIRE(answer.has_value());
    const auto& matrix = std::get<query::MatrixValue>(answer.value().value);
    REQUIRE(matrix.size() == 1);
    CHECK(matrix[0].floats.size() == 61);
    CHECK(matrix[0].floats.back().v == 1000);
    CHECK(answer.value().stats.samples_read == 500);
}

TEST_CASE("only scalars and instant vectors can be asked for over a range", "[query]") {
    Fixture fixture;
    const auto answer = fixture.engine.range("m_total[5m]", 0, kMinute, kMinute);
    REQUIRE(answer.has_error());
    CHECK(answer.error().message() ==
          "invalid expression type \"range vector\" for range query, must be Scalar or instant "
          "Vector");
}

TEST_CASE("queries on several threads do not disturb one another", "[query][threads]") {
    query::Options options;
    options.max_concurrency = 2;
    Fixture fixture(options);
    std::atomic<int> good{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
            for (int n = 0; n < 5; ++n) {
                const auto answer =
                    fixture.engine.range("sum(rate(m_total[5m]))", 0, 60 * kMinute, kMinute);
                good += answer.has_value() ? 1 : 0;
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    CHECK(good == 20);
    CHECK(fixture.budget.used() == 0);
}

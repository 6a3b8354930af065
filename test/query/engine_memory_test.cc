// What queries make of little: answers, labels and tables larger than what they read.
#include <atomic>

#include <catch2/catch.hpp>

#include "query/engine.h"
#include "query/testing/memory_storage.h"

namespace {

using base::Code;

constexpr int64_t kSecond = 1000;
constexpr int64_t kHour = 3600 * kSecond;

// A second is over each time somebody looks.
class HurriedClock final : public base::Clock {
  public:
    [[nodiscard]] int64_t now_ns() const override { return 0; }

    [[nodiscard]] base::SteadyTime steady() const override {
        return base::SteadyTime(std::chrono::seconds(looks_++));
    }

  private:
    mutable std::atomic<int64_t> looks_{0};
};

struct Fixture {
    Fixture(size_t series, int64_t memory) : engine(limited(memory), storage, clock, budget) {
        std::vector<model::ChunkSample> samples;
        for (int64_t t = 0; t <= kHour; t += kSecond) {
            samples.push_back({t, 0, static_cast<double>(t % 977), nullptr});
        }
        for (size_t i = 0; i < series; ++i) {
            storage.add(model::Labels{{"__name__", "m"}, {"id", std::to_string(i)}}, samples);
        }
    }

    static query::Options limited(int64_t memory) {
        query::Options options;
        options.experimental_functions = true;
        options.max_query_memory = memory;
        options.timeout = std::chrono::hours(24);
        return options;
    }

    query::testing::MemoryStorage storage;
    HurriedClock clock;
    base::Budget budget{"test"};
    query::Engine engine;
};

void check_refused(const base::Result<query::QueryResult>& answer, const Fixture& fixture) {
    REQUIRE(answer.has_error());
    CHECK(answer.error().code() == Code::kLimit);
    CHECK(answer.error().message().find("query.max-memory") != std::string::npos);
    CHECK(fixture.budget.used() == 0);
}

}  // namespace

TEST_CASE("a long label counts once for each series of the answer", "[query][limits]") {
    Fixture fixture(100, 1 << 20);
    const std::string label(20'000, 'x');
    const std::string query =
        GENERATE_COPY("label_replace(m, \"x\", \"" + label + "\", \"\", \"\")",
                      "label_join(m, \"x\", \"" + label + "\", \"id\", \"id\")");
    check_refused(fixture.engine.instant(query, kHour), fixture);
}

TEST_CASE("a long label is held once for all series of an answer over a range", "[query][limits]") {
    Fixture fixture(100, 1 << 20);
    const std::string label(20'000, 'x');
    const auto answer = fixture.engine.range(
        "label_replace(m, 'x', '" + label + "', '', '')", 0, 2 * kSecond, kSecond);
    REQUIRE(answer.has_value());
    const auto& matrix = std::get<query::MatrixValue>(answer.value().value);
    REQUIRE(matrix.size() == 100);
    for (const query::MatrixSeries& series : matrix) {
        REQUIRE(series.labels.to_labels().get("x") == label);
    }
    CHECK(fixture.budget.used() >= static_cast<int64_t>(label.size()));
}

TEST_CASE("a label that is too long is refused before it is made", "[query][limits]") {
    Fixture fixture(1, 64 << 20);
    std::string thirty;
    for (int i = 0; i < 30; ++i) {
        thirty += "$1";
    }
    std::string query = "m";
    for (int i = 0; i < 8; ++i) {
        query = "label_replace(" + query + ", 'x', '" + thirty + "', 'id', '(.*)')";
        query = "label_replace(" + query + ", 'id', '$1', 'x', '(.*)')";
    }
    check_refused(fixture.engine.instant(query, kHour), fixture);
}

TEST_CASE("tables of steps by groups or values are memory", "[query][limits]") {
    Fixture fixture(50, 2 << 20);
    const std::string query = GENERATE("topk by (id) (1, m)",
                                       "count_values(\"v\", vector(time()))",
                                       "m and on (id) m",
                                       "topk(1000, m)");
    CAPTURE(query);
    check_refused(fixture.engine.range(query, 0, kHour, kSecond), fixture);
}

TEST_CASE("rows that are only looked at are not held", "[query][limits]") {
    Fixture fixture(400, 6 << 20);  // their rows are twice as much
    const std::string query = GENERATE("sum(label_replace(m, 'x', '$1', 'id', '(.*)'))",
                                       "sum(rate({id=~'.+'}[5s]))",
                                       "count(m and on (id) m{id!='7'})",
                                       "count(m unless on (id) m{id='7'})");
    CAPTURE(query);
    const auto answer = fixture.engine.range(query, 0, kHour, kSecond);
    CHECK(answer.has_value());
}

TEST_CASE("equal rows that do not meet are summed, those that meet are refused", "[query]") {
    Fixture fixture(2, 64 << 20);
    const std::string same = "label_replace(m, 'id', '', '', '')";
    const auto met = fixture.engine.range("sum(" + same + ")", 0, kHour, kSecond);
    REQUIRE(met.has_error());
    CHECK(met.error().message() == "vector cannot contain metrics with the same labelset");
    const auto apart = fixture.engine.range(
        "sum(label_replace((m{id='0'} < 500) or (m{id='1'} >= 500), 'id', "
        "'', '', '')) - sum(m{id='0'})",
        0,
        kHour,
        kSecond);
    REQUIRE(apart.has_value());
    const auto& matrix = std::get<query::MatrixValue>(apart.value().value);
    REQUIRE(matrix.size() == 1);
    CHECK(matrix[0].floats.size() == kHour / kSecond + 1);
    for (const query::FloatPoint point : matrix[0].floats) {
        REQUIRE(point.v == 0);
    }
}

TEST_CASE("an answer is memory for as long as it is there", "[query][limits]") {
    Fixture fixture(10, 64 << 20);
    {
        const auto answer = fixture.engine.range("m", 0, kHour, kSecond);
        REQUIRE(answer.has_value());
        CHECK(fixture.budget.used() >= 10 * 3600 * int64_t{sizeof(double)});
    }
    CHECK(fixture.budget.used() == 0);
}

TEST_CASE("native histograms are memory wherever they are", "[query][limits]") {
    Fixture fixture(0, 2 << 20);
    constexpr size_t kBuckets = 500;
    const auto shape = [&](double scale) {
        model::FloatHistogram histogram;
        histogram.positive_spans = {{.offset = 0, .length = kBuckets}};
        histogram.positive_buckets.assign(kBuckets, scale);
        histogram.count = kBuckets * scale;
        histogram.sum = scale;
        return std::make_shared<const model::FloatHistogram>(std::move(histogram));
    };
    const auto load = [&](const std::string& name, size_t series, size_t points) {
        for (size_t i = 0; i < series; ++i) {
            std::vector<model::ChunkSample> samples;
            for (size_t p = 1; p <= points; ++p) {
                samples.push_back(
                    {static_cast<int64_t>(p) * kSecond, 0, 0, shape(static_cast<double>(p))});
            }
            fixture.storage.add(model::Labels{{"__name__", name}, {"id", std::to_string(i)}},
                                samples);
        }
    };
    SECTION("a few are an answer") {
        load("h", 10, 1);
        {
            const auto answer = fixture.engine.instant("h", kSecond);
            REQUIRE(answer.has_value());
            CHECK(fixture.budget.used() >= int64_t{10 * kBuckets * sizeof(double)});
        }
        CHECK(fixture.budget.used() == 0);
        CHECK(fixture.engine.range("h", 0, 200 * kSecond, kSecond).has_value());  // shared
    }
    SECTION("one series of many") {
        load("h", 1, 1000);
        const std::string query = GENERATE("h[1h]",
                                           "h[1h:1s]",
                                           "sum_over_time(h[1h])",
                                           "histogram_quantile(0.5, sum_over_time(h[1h]))",
                                           "count_over_time(h[1h])");
        CAPTURE(query);
        check_refused(fixture.engine.instant(query, 1000 * kSecond), fixture);
    }
    SECTION("many series") {
        load("h", 1000, 1);
        const std::string query = GENERATE("h",
                                           "h * 2",
                                           "-h",
                                           "h + h",
                                           "sum by (id) (h)",
                                           "avg by (id) (h)",
                                           "h or up",
                                           "label_replace(h, 'x', 'y', '', '')",
                                           "sort_by_label(h, 'id')",
                                           "limitk(1000, h)",
                                           "last_over_time(h[5m])");
        CAPTURE(query);
        check_refused(fixture.engine.instant(query, kSecond), fixture);
    }
    SECTION("what is made at every step") {
        load("h", 1, 10);
        const std::string query =
            GENERATE("rate(h[5m])", "sum_over_time(h[5m])", "h * 2", "sum(h)", "h + h");
        CAPTURE(query);
        check_refused(fixture.engine.range(query, 10 * kSecond, 280 * kSecond, 250), fixture);
    }
}

TEST_CASE("long windows of one series look whether their time is over", "[query][limits]") {
    Fixture fixture(1, 64 << 20);
    const std::string function = GENERATE("quantile_over_time(0.5, m[1h])",
                                          "stddev_over_time(m[1h])",
                                          "deriv(m[1h])",
                                          "sum_over_time(m[1h])");
    CAPTURE(function);
    query::QueryParams params;
    params.timeout = std::chrono::seconds(12);  // and as many looks
    const auto answer = fixture.engine.range(function, kHour, 2 * kHour, kSecond, params);
    REQUIRE(answer.has_error());
    CHECK(answer.error().code() == Code::kTimeout);
}

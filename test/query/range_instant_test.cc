// A range query gives, at every step, what an instant query gives at that time.
#include <cmath>
#include <map>
#include <string>

#include <catch2/catch.hpp>

#include "base/random.h"
#include "query/engine.h"
#include "query/testing/memory_storage.h"
#include "query/testing/script_engine.h"
#include "test/support/seed.h"

namespace {

using base::Random;

constexpr int64_t kStart = 600'000;
constexpr int64_t kEnd = 1'500'000;
constexpr int kExpressions = 400;

// Gauges, counters with resets, gaps, stale markers and NaN.
void fill(query::testing::MemoryStorage& storage, Random& random) {
    for (const char* metric : {"a_total", "b", "c_total"}) {
        for (const char* x : {"1", "2", "3"}) {
            for (const char* y : {"p", "q"}) {
                std::vector<model::ChunkSample> samples;
                double value = 0;
                for (int64_t t = 0; t <= kEnd; t += 15'000) {
                    value =
                        random.below(40) == 0 ? 0 : value + static_cast<double>(random.below(9));
                    const uint64_t kind = random.below(20);
                    const int64_t jitter = static_cast<int64_t>(random.below(1000));
                    if (kind == 0) {
                        continue;
                    }
                    samples.push_back(
                        {t + jitter,
                         0,
                         kind == 1 ? model::kStaleNan : (kind == 2 ? model::kNormalNan : value),
                         nullptr});
                }
                storage.add(model::Labels{{"__name__", metric}, {"x", x}, {"y", y}}, samples);
            }
        }
    }
}

template <size_t N>
std::string pick(Random& random, const char* const (&from)[N]) {
    return from[random.below(N)];
}

std::string vector_expr(Random& random, int depth);

std::string selector(Random& random) {
    std::string text = pick(random, {"a_total", "b", "c_total"});
    text += pick(random, {"", "{x=\"1\"}", "{x=~\"1|2\"}", "{y!=\"p\"}"});
    return text;
}

std::string modifiers(Random& random) {
    return pick(random, {"", "", "", " offset 1m", " offset -30s", " @ 900", " @ start()"});
}

std::string range_call(Random& random, int depth) {
    const std::string function = pick(random,
                                      {"rate",
                                       "increase",
                                       "delta",
                                       "irate",
                                       "sum_over_time",
                                       "avg_over_time",
                                       "min_over_time",
                                       "max_over_time",
                                       "count_over_time",
                                       "last_over_time",
                                       "stddev_over_time",
                                       "changes",
                                       "resets",
                                       "deriv",
                                       "ts_of_max_over_time",
                                       "absent_over_time"});
    if (depth > 0 && random.below(4) == 0) {
        return function + "((" + vector_expr(random, depth - 1) + ")[3m:45s]" +
               pick(random, {"", " offset 30s"}) + ")";
    }
    return function + "(" + selector(random) + pick(random, {"[1m]", "[90s]", "[7m]"}) +
           modifiers(random) + ")";
}

std::string vector_expr(Random& random, int depth) {
    if (depth == 0) {
        return selector(random) + modifiers(random);
    }
    switch (random.below(7)) {
        case 0:
            return range_call(random, depth);
        case 1:
            return pick(random, {"sum", "avg", "min", "max", "count", "stddev", "group"}) +
                   pick(random, {"", " by (x) ", " without (y) "}) + "(" +
                   vector_expr(random, depth - 1) + ")";
        case 2:
            return "(" + vector_expr(random, depth - 1) + ")" +
                   pick(random, {" + 2", " * 3", " > 5", " == bool 4", " % 7"});
        case 3:
            return "sum by (x) (" + vector_expr(random, depth - 1) + ")" +
                   pick(random, {" / ", " + ", " > ", " and ", " unless ", " or "}) +
                   "sum by (x) (" + vector_expr(random, depth - 1) + ")";
        case 4:
            return pick(random, {"abs", "floor", "sqrt", "sgn", "timestamp"}) + "(" +
                   vector_expr(random, depth - 1) + ")";
        case 5:
            return pick(random, {"topk(2, ", "bottomk(1, ", "quantile(0.3, "}) +
                   vector_expr(random, depth - 1) + ")";
        default:
            return "(" + vector_expr(random, depth - 1) +
                   ") * time() - vector(scalar(b{x=\"1\",y=\"p\"}))";
    }
}

bool same(double a, double b) {
    if (std::isnan(a) || std::isnan(b)) {
        return std::isnan(a) && std::isnan(b);
    }
    return a == b || std::fabs(a - b) <= 1e-9 * std::max(std::fabs(a), std::fabs(b)) ||
           std::fabs(a - b) <= 1e-9;
}

using Points = std::map<std::pair<std::string, int64_t>, double>;

Points points_of(const query::MatrixValue& matrix) {
    Points points;
    for (const auto& series : matrix) {
        for (const auto& point : series.floats) {
            points[{series.labels.to_string(), point.t}] = point.v;
        }
    }
    return points;
}

// The answers of one instant query per step, or nothing when one of them fails.
std::optional<Points> by_steps(query::Engine& engine, const std::string& text, int64_t step) {
    Points points;
    for (int64_t t = kStart; t <= kEnd; t += step) {
        const auto answer = engine.instant(text, t);
        if (!answer) {
            return std::nullopt;
        }
        for (const auto& sample : std::get<query::VectorValue>(answer.value().value)) {
            points[{sample.labels.to_string(), t}] = sample.v;
        }
    }
    return points;
}

}  // namespace

TEST_CASE("a range query gives at every step what an instant query gives", "[query][property]") {
    const uint64_t seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    query::testing::MemoryStorage storage;
    fill(storage, random);
    query::Options options = query::testing::script_options();
    options.max_samples = 10'000'000;
    options.delayed_name_removal = GENERATE(false, true);
    const base::SystemClock clock;
    base::Budget budget("test");
    query::Engine engine(options, storage, clock, budget);
    int compared = 0;
    for (int i = 0; i < kExpressions; ++i) {
        const std::string text = vector_expr(random, static_cast<int>(random.below(4)));
        const int64_t step = 15'000 * static_cast<int64_t>(1 + random.below(8));
        CAPTURE(text, step);
        // `@ start()` means another time in every instant query.
        if (text.find("start()") != std::string::npos) {
            continue;
        }
        const auto range = engine.range(text, kStart, kEnd, step);
        const auto steps = by_steps(engine, text, step);
        if (!steps) {
            continue;
        }
        INFO((range ? std::string() : range.error().message()));
        REQUIRE(range.has_value());
        const Points got = points_of(std::get<query::MatrixValue>(range.value().value));
        REQUIRE(got.size() == steps->size());
        for (const auto& [key, value] : *steps) {
            const auto found = got.find(key);
            CAPTURE(key.first, key.second, value);
            REQUIRE(found != got.end());
            CAPTURE(found->second);
            REQUIRE(same(found->second, value));
        }
        ++compared;
    }
    CHECK(compared > kExpressions / 2);
}

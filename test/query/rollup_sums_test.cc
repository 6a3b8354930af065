// Sums and trends of overlapping windows have the bits of those that are taken one by one.
#include <bit>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "base/random.h"
#include "query/engine.h"
#include "query/testing/memory_storage.h"
#include "test/support/fake_clock.h"
#include "test/support/seed.h"

namespace {

constexpr int64_t kMinute = 60'000;
constexpr int64_t kEnd = 200 * kMinute;

// The whole numbers, and what is almost that.
double value_of(const std::string& kind, base::Random& random, int64_t i) {
    const auto small = static_cast<double>(random.below(1000)) - 500;
    if (kind == "whole") {
        return small;
    }
    if (kind == "zeros") {
        return random.below(2) == 0 ? 0.0 : -0.0;
    }
    if (kind == "bytes") {
        return static_cast<double>(random.below(uint64_t{1} << 42));
    }
    if (kind == "large") {  // a total of all is beyond 2^53, that of a window is not always
        return static_cast<double>(random.below(uint64_t{1} << 49));
    }
    if (kind == "huge") {  // beyond 2^52 there are no fractions
        return std::ldexp(static_cast<double>(random.below(uint64_t{1} << 52)),
                          static_cast<int>(random.below(900)));
    }
    if (kind == "infinite") {
        return random.below(50) == 0 ? HUGE_VAL : small;
    }
    if (kind == "nan") {
        return random.below(50) == 0 ? std::nan("") : small;
    }
    if (kind == "late fraction") {
        return i > 150 ? small / 3 : small;
    }
    return small / 7;
}

}  // namespace

TEST_CASE("sums and trends of overlapping windows are those of each window", "[query][rollup]") {
    const uint64_t seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    query::testing::MemoryStorage storage;
    for (const char* kind : {"whole",
                             "zeros",
                             "bytes",
                             "large",
                             "huge",
                             "infinite",
                             "nan",
                             "late fraction",
                             "fraction",
                             "whole, beside the second",
                             "whole, now and then late"}) {
        const std::string name(kind);
        std::vector<model::ChunkSample> samples;
        for (int64_t t = 0; t <= kEnd; t += kMinute) {
            const double value = value_of(name.substr(0, name.find(',')), random, t / kMinute);
            const bool late = name.ends_with("late") && random.below(30) == 0;
            if (random.below(10) > 0) {
                samples.push_back(
                    {t + (late || name.ends_with("second") ? 250 : 0), 0, value, nullptr});
            }
        }
        storage.add(model::Labels{{"__name__", "m"}, {"kind", kind}}, samples);
    }
    const query::Options options;
    const test_support::FakeClock clock;
    base::Budget budget("test");
    query::Engine engine(options, storage, clock, budget);

    struct Call {
        const char* function;
        const char* more;  // arguments
    };

    for (const Call& call : {Call{"sum_over_time", ""},
                             Call{"avg_over_time", ""},
                             Call{"deriv", ""},
                             Call{"predict_linear", ", 600"}}) {
        const auto text_for = [&](const std::string& series, const std::string& range) {
            return std::string(call.function) + "(" + series + "[" + range + "]" + call.more + ")";
        };
        // Windows that overlap often, a little, and not at all.
        for (const char* range : {"1h", "10m", "1m"}) {
            const std::string text = text_for("m", range);
            CAPTURE(text);
            const auto answer = engine.range(text, 0, kEnd, kMinute);
            REQUIRE(answer.has_value());
            size_t compared = 0;
            for (const auto& series : std::get<query::MatrixValue>(answer.value().value)) {
                const std::string kind(series.labels.to_labels().get("kind"));
                const std::string one = text_for("m{kind=\"" + kind + "\"}", range);
                for (const auto& point : series.floats) {
                    CAPTURE(kind, point.t);
                    const auto alone = engine.instant(one, point.t);
                    REQUIRE(alone.has_value());
                    const auto& found = std::get<query::VectorValue>(alone.value().value);
                    REQUIRE(found.size() == 1);
                    REQUIRE(std::bit_cast<uint64_t>(found[0].v) ==
                            std::bit_cast<uint64_t>(point.v));
                    ++compared;
                }
            }
            CHECK((compared > 1000 || range == std::string("1m")));  // no trend of one sample
        }
    }
}

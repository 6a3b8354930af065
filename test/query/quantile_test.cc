// Quantiles of values, against what sorting them all gives.
#include "query/histogram/quantile.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include <catch2/catch.hpp>

#include "base/random.h"
#include "test/support/seed.h"

namespace {

using base::Random;

constexpr size_t kSizeMax = 150;  // on both sides of what is sorted
constexpr int kRounds = 3000;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

double by_sorting(double q, std::vector<double> values) {
    std::ranges::sort(
        values, [](double a, double b) { return (std::isnan(a) && !std::isnan(b)) || a < b; });
    const auto last = static_cast<double>(values.size() - 1);
    const double rank = q * last;
    const double lower = std::max(0.0, std::floor(rank));
    const double upper = std::min(last, lower + 1);
    const double weight = rank - std::floor(rank);
    // Each product is rounded: in one expression the compiler may leave that out.
    const double below = values[static_cast<size_t>(lower)] * (1 - weight);
    const double above = values[static_cast<size_t>(upper)] * weight;
    return below + above;
}

// Few different ones, so that many are equal; sometimes one that is no number or not finite.
double random_value(Random& random) {
    switch (random.below(200)) {
        case 0:
            return kNan;
        case 1:
            return kInfinity;
        case 2:
            return -kInfinity;
        default:
            return static_cast<double>(random.below(40)) / 7 - 2.5;
    }
}

}  // namespace

TEST_CASE("a quantile is the one of the sorted values", "[query][quantile]") {
    const uint64_t seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    for (int round = 0; round < kRounds; ++round) {
        std::vector<double> values(1 + random.below(kSizeMax));
        std::ranges::generate(values, [&] { return random_value(random); });
        const double q = static_cast<double>(random.below(101)) / 100;
        CAPTURE(round, q, values);
        const double want = by_sorting(q, values);
        const double found = query::histogram::quantile_of(q, values);
        if (std::isnan(want)) {
            REQUIRE(std::isnan(found));
        } else {
            REQUIRE(std::bit_cast<uint64_t>(found) == std::bit_cast<uint64_t>(want));
        }
    }
}

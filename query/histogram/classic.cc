// Classic histograms: cumulative buckets as series of their own.
#include <algorithm>
#include <cmath>
#include <limits>

#include "query/histogram/quantile.h"

namespace query::histogram {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kSmallDelta = 1e-12;  // relative; below it neighbours count as equal

bool nearly_equal(double a, double b) {
    const double sum = std::fabs(a) + std::fabs(b);
    const double difference = std::fabs(a - b);
    if (a == 0 || b == 0 || sum < std::numeric_limits<double>::min()) {
        return difference < kSmallDelta * std::numeric_limits<double>::min();
    }
    return difference / std::min(sum, std::numeric_limits<double>::max()) < kSmallDelta;
}

// Sorted by bound, equal bounds added up. False when the highest is not +Inf.
bool prepare(std::vector<ClassicBucket>& buckets) {
    std::ranges::stable_sort(buckets, {}, &ClassicBucket::upper_bound);
    if (buckets.back().upper_bound != kInfinity) {
        return false;
    }
    size_t last = 0;
    for (size_t i = 1; i < buckets.size(); ++i) {
        if (buckets[i].upper_bound == buckets[last].upper_bound) {
            buckets[last].count += buckets[i].count;
        } else {
            buckets[++last] = buckets[i];
        }
    }
    buckets.resize(last + 1);
    return true;
}

std::optional<Monotonicity> force_monotonicity(std::vector<ClassicBucket>& buckets) {
    std::optional<Monotonicity> forced;
    double before = buckets[0].count;
    for (size_t i = 1; i < buckets.size(); ++i) {
        double& count = buckets[i].count;
        if (count == before) {
            continue;
        }
        if (nearly_equal(before, count)) {
            count = before;
        } else if (count < before) {
            if (!forced) {
                forced = Monotonicity{kInfinity, -kInfinity, 0};
            }
            forced->min_bucket = std::min(forced->min_bucket, buckets[i].upper_bound);
            forced->max_bucket = std::max(forced->max_bucket, buckets[i].upper_bound);
            forced->max_diff = std::max(forced->max_diff, before - count);
            count = before;
        } else {
            before = count;
        }
    }
    return forced;
}

}  // namespace

double classic_quantile(double q,
                        std::vector<ClassicBucket>& buckets,
                        std::optional<Monotonicity>& forced) {
    forced.reset();
    if (std::isnan(q)) {
        return kNan;
    }
    if (q < 0 || q > 1) {
        return q < 0 ? -kInfinity : kInfinity;
    }
    if (!prepare(buckets)) {
        return kNan;
    }
    forced = force_monotonicity(buckets);
    const double observations = buckets.back().count;
    if (buckets.size() < 2 || observations == 0) {
        return kNan;
    }
    double rank = q * observations;
    const auto found =
        std::ranges::find_if(buckets.begin(), buckets.end() - 1, [&](const ClassicBucket& b) {
            return b.count >= rank;
        });
    const auto at = static_cast<size_t>(found - buckets.begin());
    if (at == buckets.size() - 1) {
        return buckets[at - 1].upper_bound;
    }
    if (at == 0 && buckets[0].upper_bound <= 0) {
        return buckets[0].upper_bound;
    }
    double start = 0;
    double count = buckets[at].count;
    if (at > 0) {
        start = buckets[at - 1].upper_bound;
        count -= buckets[at - 1].count;
        rank -= buckets[at - 1].count;
    }
    return start + (buckets[at].upper_bound - start) * (rank / count);
}

double classic_fraction(double lower, double upper, std::vector<ClassicBucket>& buckets) {
    if (!prepare(buckets)) {
        return kNan;
    }
    const double count = buckets.back().count;
    if (count == 0 || std::isnan(lower) || std::isnan(upper)) {
        return kNan;
    }
    if (lower >= upper) {
        return 0;
    }
    std::optional<double> lower_rank;
    std::optional<double> upper_rank;
    double rank = 0;
    double lower_bound = buckets[0].upper_bound <= 0 ? -kInfinity : 0;
    for (const ClassicBucket& bucket : buckets) {
        const auto rank_at = [&](double bound, std::optional<double>& found) {
            if (found) {
                return;
            }
            if (lower_bound >= bound) {
                found = rank;
            } else if (bucket.upper_bound > bound) {
                found = lower_bound == -kInfinity
                            ? bucket.count
                            : rank + (bucket.count - rank) * (bound - lower_bound) /
                                         (bucket.upper_bound - lower_bound);
            }
        };
        rank_at(lower, lower_rank);
        rank_at(upper, upper_rank);
        rank = bucket.count;
        lower_bound = bucket.upper_bound;
    }
    const double from = std::min(lower_rank.value_or(count), count);
    const double to = std::min(upper_rank.value_or(count), count);
    return (to - from) / count;
}

}  // namespace query::histogram

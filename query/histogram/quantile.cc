#include "query/histogram/quantile.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "query/histogram/kahan.h"

namespace query::histogram {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// A histogram whose observations all have one sign has a zero bucket that ends at zero.
void bound_zero_bucket(const FloatHistogram& histogram, Bucket& bucket) {
    if (histogram.negative_buckets.empty() && !histogram.positive_buckets.empty()) {
        bucket.lower = 0;
    } else if (histogram.positive_buckets.empty() && !histogram.negative_buckets.empty()) {
        bucket.upper = 0;
    }
}

// The part of a bucket's width at or below `value`, which lies inside its finite bounds.
double fraction_below(const Bucket& bucket, double value, bool linear) {
    if (linear) {
        return (value - bucket.lower) / (bucket.upper - bucket.lower);
    }
    const double lower = std::log2(std::fabs(bucket.lower));
    const double upper = std::log2(std::fabs(bucket.upper));
    const double at = std::log2(std::fabs(value));
    return value > 0 ? (at - lower) / (upper - lower) : 1 - (at - upper) / (lower - upper);
}

double interpolate(const FloatHistogram& histogram, const Bucket& bucket, double fraction) {
    if (uses_custom_buckets(histogram) || (bucket.lower <= 0 && bucket.upper >= 0)) {
        return bucket.lower + (bucket.upper - bucket.lower) * fraction;
    }
    const double lower = std::log2(std::fabs(bucket.lower));
    const double upper = std::log2(std::fabs(bucket.upper));
    if (bucket.lower > 0) {
        return std::exp2(lower + (upper - lower) * fraction);
    }
    return -std::exp2(upper + (lower - upper) * (1 - fraction));
}

}  // namespace

double quantile(double q, const FloatHistogram& histogram, const Place& place) {
    if (q < 0) {
        return -kInfinity;
    }
    if (q > 1) {
        return kInfinity;
    }
    if (histogram.count == 0 || std::isnan(q)) {
        return kNan;
    }
    std::vector<Bucket> buckets = all_buckets(histogram);
    const bool nan_sum = std::isnan(histogram.sum);
    const bool ascending = nan_sum || q < 0.5;
    if (!ascending) {
        std::ranges::reverse(buckets);
    }
    double rank = (ascending ? q : 1 - q) * histogram.count;
    double count = 0;
    Bucket bucket;
    size_t next = 0;
    while (next < buckets.size()) {
        bucket = buckets[next++];
        if (bucket.count == 0) {
            continue;
        }
        count += bucket.count;
        if (count >= rank) {
            break;
        }
    }
    if (uses_custom_buckets(histogram)) {
        if (bucket.lower == -kInfinity) {
            if (bucket.upper <= 0) {
                return bucket.upper;
            }
            bucket.lower = 0;
        } else if (bucket.upper == kInfinity) {
            return bucket.lower;
        }
    } else if (bucket.lower < 0 && bucket.upper > 0) {
        bound_zero_bucket(histogram, bucket);
    }
    count = std::min(count, histogram.count);
    if (count < rank) {
        if (nan_sum) {
            place.annotations.quantile_nan_result(place.metric, place.position);
            return kNan;
        }
        return bucket.upper;
    }
    rank = ascending ? rank - (count - bucket.count) : count - rank;
    if (nan_sum) {
        for (; next < buckets.size(); ++next) {
            count += buckets[next].count;
        }
        if (count < histogram.count) {
            place.annotations.quantile_nan_skew(place.metric, place.position);
        }
    }
    return interpolate(histogram, bucket, rank / bucket.count);
}

double fraction(double lower, double upper, const FloatHistogram& histogram, const Place& place) {
    if (histogram.count == 0 || std::isnan(lower) || std::isnan(upper)) {
        return kNan;
    }
    if (lower >= upper) {
        return 0;
    }
    const bool custom = uses_custom_buckets(histogram);
    std::optional<double> lower_rank;
    std::optional<double> upper_rank;
    double rank = 0;
    double count = 0;
    const std::vector<Bucket> buckets = all_buckets(histogram);
    for (Bucket bucket : buckets) {
        count += bucket.count;
        if (lower_rank && upper_rank) {
            continue;  // only the count of all is still wanted
        }
        const bool zero = bucket.lower <= 0 && bucket.upper >= 0;
        if (zero) {
            bound_zero_bucket(histogram, bucket);
        }
        const auto rank_at = [&](double bound, std::optional<double>& found) {
            if (found) {
                return;
            }
            if (bucket.lower >= bound) {
                found = rank;
            } else if (bucket.upper > bound) {
                const bool linear = custom || zero;
                found = linear && bucket.lower == -kInfinity
                            ? bucket.count
                            : rank + bucket.count * fraction_below(bucket, bound, linear);
            }
        };
        rank_at(lower, lower_rank);
        rank_at(upper, upper_rank);
        rank += bucket.count;
    }
    if (std::isnan(histogram.sum)) {
        if (count < histogram.count) {
            place.annotations.fraction_nans(place.metric, place.position);
        }
    } else {
        count = histogram.count;
    }
    const double from = std::min(lower_rank.value_or(count), count);
    const double to = std::min(upper_rank.value_or(count), count);
    return (to - from) / histogram.count;
}

double variance(const FloatHistogram& histogram) {
    const double mean = histogram.sum / histogram.count;
    Kahan sum;
    for (const Bucket& bucket : all_buckets(histogram)) {
        if (bucket.count == 0) {
            continue;
        }
        double value = 0;
        if (uses_custom_buckets(histogram)) {
            value = (bucket.upper + bucket.lower) / 2;
        } else if (bucket.lower > 0 || bucket.upper < 0) {
            value = std::copysign(std::sqrt(bucket.upper * bucket.lower), bucket.upper);
        }
        const double delta = value - mean;
        sum.add(bucket.count * delta * delta);
    }
    return sum.value() / histogram.count;
}

namespace {

constexpr size_t kRankMax = 64;  // values whose places are counted instead of sorted

// The values at the places `lower` and `upper` of the order of at most kRankMax values, none NaN:
// a value stands behind as many as are less. No step depends on the outcome of another.
std::pair<double, double> ranked(std::span<const double> values, size_t lower, size_t upper) {
    constexpr size_t kAtOnce = 4;
    using Lanes = double __attribute__((vector_size(kAtOnce * sizeof(double))));
    using Counts = int64_t __attribute__((vector_size(kAtOnce * sizeof(int64_t))));
    Lanes all[kRankMax / kAtOnce];
    const size_t blocks = (values.size() + kAtOnce - 1) / kAtOnce;
    // NaN behind the end is neither less nor equal.
    all[blocks - 1] = Lanes{} + kNan;
    std::memcpy(all, values.data(), values.size_bytes());
    std::pair<double, double> found;
    bool lower_known = false;
    bool upper_known = false;
    for (size_t i = 0; i < values.size() && !(lower_known && upper_known); ++i) {
        const Lanes one = Lanes{} + values[i];
        Counts less = {};
        Counts at_most = {};
        for (size_t block = 0; block < blocks; ++block) {
            less -= all[block] < one;  // true is -1
            at_most -= all[block] <= one;
        }
        const auto first = static_cast<size_t>(less[0] + less[1] + less[2] + less[3]);
        const auto last = static_cast<size_t>(at_most[0] + at_most[1] + at_most[2] + at_most[3]);
        const auto stands_at = [&](size_t place) { return first <= place && place < last; };
        if (!lower_known && stands_at(lower)) {
            found.first = values[i];
            lower_known = true;
        }
        if (!upper_known && stands_at(upper)) {
            found.second = values[i];
            upper_known = true;
        }
    }
    return found;
}

}  // namespace

double quantile_of(double q, std::vector<double>& values) {
    if (values.empty() || std::isnan(q)) {
        return kNan;
    }
    if (q < 0) {
        return -kInfinity;
    }
    if (q > 1) {
        return kInfinity;
    }
    // NaN comes first; behind it, only the two values at the rank have to be in their places.
    const auto numbers =
        std::partition(values.begin(), values.end(), [](double v) { return std::isnan(v); });
    const auto n = static_cast<double>(values.size());
    const double rank = q * (n - 1);
    const double lower = std::max(0.0, std::floor(rank));
    const double upper = std::min(n - 1, lower + 1);
    const double weight = rank - std::floor(rank);
    if (numbers == values.begin() && values.size() <= kRankMax) {
        const auto [below, above] =
            ranked(values, static_cast<size_t>(lower), static_cast<size_t>(upper));
        return below * (1 - weight) + above * weight;
    }
    const auto at_lower = values.begin() + static_cast<ptrdiff_t>(lower);
    if (at_lower >= numbers) {  // else it is NaN, whatever follows
        std::nth_element(numbers, at_lower, values.end());
        if (upper > lower) {
            std::iter_swap(at_lower + 1, std::min_element(at_lower + 1, values.end()));
        }
    }
    return values[static_cast<size_t>(lower)] * (1 - weight) +
           values[static_cast<size_t>(upper)] * weight;
}

}  // namespace query::histogram

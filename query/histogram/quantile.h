// Quantiles, fractions, spread and trimming of native and classic histograms.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "query/annotations.h"
#include "query/histogram/buckets.h"

namespace query::histogram {

// Where annotations of one evaluation point.
struct Place {
    std::string_view metric;
    PositionRange position;
    Annotations& annotations;
};

// Linear inside the zero bucket and custom buckets, exponential inside the others.
[[nodiscard]] double quantile(double q, const FloatHistogram& histogram, const Place& place);
// The part of the observations between the bounds.
[[nodiscard]] double fraction(double lower,
                              double upper,
                              const FloatHistogram& histogram,
                              const Place& place);
// Estimated from the buckets' (geometric) means.
[[nodiscard]] double variance(const FloatHistogram& histogram);

// The part of a histogram at or below `limit` (upper), or above it.
[[nodiscard]] FloatHistogram trimmed(const FloatHistogram& histogram, double limit, bool upper);

// One bucket of a classic histogram: observations up to `upper_bound`.
struct ClassicBucket {
    double upper_bound = 0;
    double count = 0;
};

// What had to be changed so that counts ascend.
struct Monotonicity {
    double min_bucket = 0;
    double max_bucket = 0;
    double max_diff = 0;
};

// Sorts and repairs `buckets` (not empty).
[[nodiscard]] double classic_quantile(double q,
                                      std::vector<ClassicBucket>& buckets,
                                      std::optional<Monotonicity>& forced);
[[nodiscard]] double classic_fraction(double lower,
                                      double upper,
                                      std::vector<ClassicBucket>& buckets);

// The quantile of plain values, between ranks linearly; sorts them. NaN sorts lowest.
[[nodiscard]] double quantile_of(double q, std::vector<double>& values);

}  // namespace query::histogram

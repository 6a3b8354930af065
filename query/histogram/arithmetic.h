// Adding, subtracting and scaling native histograms.
//
// The lower resolution wins, the zero bucket grows to the larger of the two thresholds and swallows
// the buckets inside it, and custom bounds that differ are reduced to those both have.
#pragma once

#include <cstdint>
#include <vector>

#include "query/histogram/buckets.h"
#include "query/histogram/kahan.h"

namespace query::histogram {

// What came up while two histograms were put together.
struct Combined {
    bool incompatible = false;     // exponential and custom buckets do not mix; nothing was changed
    bool reset_collision = false;  // one says counter reset, the other says there was none
    bool reconciled = false;       // custom bounds differed
};

// A running sum of histograms, with compensated summation of every number in it.
class HistogramSum {
  public:
    explicit HistogramSum(const FloatHistogram& first);

    Combined add(const FloatHistogram& other) { return combine(other, 1); }

    Combined subtract(const FloatHistogram& other) { return combine(other, -1); }

    void scale(double factor);
    // By zero: all buckets go.
    void divide(double divisor);

    [[nodiscard]] bool has_infinity() const;

    void set_hint(model::CounterResetHint hint) { hint_ = hint; }

    [[nodiscard]] double count() const { return count_.value(); }

    // Without empty buckets.
    [[nodiscard]] FloatHistogram result() const;

  private:
    struct Sum {
        int32_t index = 0;
        Kahan count;
    };

    using Sums = std::vector<Sum>;

    Combined combine(const FloatHistogram& other, double sign);
    bool adjust_hint(model::CounterResetHint other);
    void add_exponential(const FloatHistogram& other, double sign);
    void add_custom(const FloatHistogram& other, double sign);
    // Grows our zero bucket and the other's until they agree; returns the other's zero count.
    double reconcile_zero_buckets(const FloatHistogram& other);
    void grow_zero_bucket(double threshold);
    static void add_buckets(Sums& to, const std::vector<IndexedBucket>& from, double sign);
    static void reduce(Sums& buckets, int32_t from, int32_t to);
    [[nodiscard]] FloatHistogram shape() const;

    model::CounterResetHint hint_;
    int32_t schema_;
    double zero_threshold_;
    Kahan zero_count_;
    Kahan count_;
    Kahan sum_;
    Sums positive_, negative_;
    std::vector<double> custom_values_;
};

[[nodiscard]] FloatHistogram scaled(const FloatHistogram& histogram, double factor);
[[nodiscard]] FloatHistogram divided(const FloatHistogram& histogram, double divisor);

// The zero count when the zero bucket is grown to `threshold` (not below its own), which itself
// grows when it falls inside a bucket that is not empty.
struct GrownZero {
    double count = 0;
    double threshold = 0;
};

[[nodiscard]] GrownZero grown_zero(const FloatHistogram& histogram, double threshold);

// The bounds that both ascending lists have.
[[nodiscard]] std::vector<double> common_bounds(std::span<const double> a,
                                                std::span<const double> b);

// Buckets of `bounds` in the buckets of `common`, a part of them.
[[nodiscard]] std::vector<IndexedBucket> at_bounds(std::span<const IndexedBucket> buckets,
                                                   std::span<const double> bounds,
                                                   std::span<const double> common);

}  // namespace query::histogram

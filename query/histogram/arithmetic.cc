#include "query/histogram/arithmetic.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

namespace query::histogram {
namespace {

using model::CounterResetHint;

template <class Scale>
FloatHistogram with_scale(const FloatHistogram& histogram, bool negative, Scale&& scale) {
    FloatHistogram out = histogram;
    scale(out.zero_count);
    scale(out.count);
    scale(out.sum);
    std::ranges::for_each(out.positive_buckets, scale);
    std::ranges::for_each(out.negative_buckets, scale);
    if (negative) {
        out.hint = CounterResetHint::kGauge;
    }
    return out;
}

void drop_buckets(FloatHistogram& histogram) {
    histogram.positive_spans.clear();
    histogram.negative_spans.clear();
    histogram.positive_buckets.clear();
    histogram.negative_buckets.clear();
}

// One pass over the buckets of one sign, as distances from zero. Returns false when `threshold`
// had to grow, because it falls inside a bucket that is not empty.
bool swallow(std::span<const IndexedBucket> buckets, int32_t schema, GrownZero& zero) {
    for (const IndexedBucket& bucket : buckets) {
        if (bucket_bound(bucket.index - 1, schema, {}) >= zero.threshold) {
            break;
        }
        zero.count += bucket.count;
        const double upper = bucket_bound(bucket.index, schema, {});
        if (upper > zero.threshold) {
            if (bucket.count != 0) {
                zero.threshold = upper;
                return false;
            }
            break;
        }
    }
    return true;
}

}  // namespace

FloatHistogram scaled(const FloatHistogram& histogram, double factor) {
    return with_scale(histogram, factor < 0, [factor](double& value) { value *= factor; });
}

FloatHistogram divided(const FloatHistogram& histogram, double divisor) {
    FloatHistogram out =
        with_scale(histogram, divisor < 0, [divisor](double& value) { value /= divisor; });
    if (divisor == 0) {
        drop_buckets(out);
    }
    return out;
}

GrownZero grown_zero(const FloatHistogram& histogram, double threshold) {
    GrownZero zero{histogram.zero_count, threshold};
    if (threshold == histogram.zero_threshold) {
        return zero;
    }
    const auto positive = unpack(histogram.positive_spans, histogram.positive_buckets);
    const auto negative = unpack(histogram.negative_spans, histogram.negative_buckets);
    while (true) {
        zero.count = histogram.zero_count;
        // The positive side may raise the threshold and go on; the negative side starts over.
        static_cast<void>(swallow(positive, histogram.schema, zero));
        if (swallow(negative, histogram.schema, zero)) {
            return zero;
        }
    }
}

std::vector<double> common_bounds(std::span<const double> a, std::span<const double> b) {
    std::vector<double> common;
    std::ranges::set_intersection(a, b, std::back_inserter(common));
    return common;
}

std::vector<IndexedBucket> at_bounds(std::span<const IndexedBucket> buckets,
                                     std::span<const double> bounds,
                                     std::span<const double> common) {
    std::vector<IndexedBucket> merged;
    for (const IndexedBucket& bucket : buckets) {
        const double upper = bucket_bound(bucket.index, model::kCustomBucketsSchema, bounds);
        const auto index =
            static_cast<int32_t>(std::ranges::lower_bound(common, upper) - common.begin());
        if (!merged.empty() && merged.back().index == index) {
            merged.back().count += bucket.count;
        } else {
            merged.push_back({index, bucket.count});
        }
    }
    return merged;
}

HistogramSum::HistogramSum(const FloatHistogram& first)
    : hint_(first.hint),
      schema_(first.schema),
      zero_threshold_(first.zero_threshold),
      zero_count_{first.zero_count},
      count_{first.count},
      sum_{first.sum},
      custom_values_(first.custom_values) {
    add_buckets(positive_, unpack(first.positive_spans, first.positive_buckets), 1);
    add_buckets(negative_, unpack(first.negative_spans, first.negative_buckets), 1);
}

Combined HistogramSum::combine(const FloatHistogram& other, double sign) {
    Combined combined;
    const bool custom = schema_ == model::kCustomBucketsSchema;
    if (custom != uses_custom_buckets(other)) {
        combined.incompatible = true;
        return combined;
    }
    combined.reset_collision = adjust_hint(other.hint);
    if (custom) {
        combined.reconciled = custom_values_ != other.custom_values;
        add_custom(other, sign);
    } else {
        zero_count_.add(sign * reconcile_zero_buckets(other));
        add_exponential(other, sign);
    }
    count_.add(sign * other.count);
    sum_.add(sign * other.sum);
    return combined;
}

bool HistogramSum::adjust_hint(CounterResetHint other) {
    if (other == hint_ || hint_ == CounterResetHint::kGauge) {
        return false;
    }
    if (other == CounterResetHint::kGauge) {
        hint_ = CounterResetHint::kGauge;
        return false;
    }
    const bool collision =
        hint_ != CounterResetHint::kUnknown && other != CounterResetHint::kUnknown;
    hint_ = CounterResetHint::kUnknown;
    return collision;
}

void HistogramSum::add_exponential(const FloatHistogram& other, double sign) {
    const int32_t schema = std::min(schema_, other.schema);
    reduce(positive_, schema_, schema);
    reduce(negative_, schema_, schema);
    schema_ = schema;
    const auto inside_zero = [&](const IndexedBucket& bucket) {
        return bucket_bound(bucket.index - 1, other.schema, {}) < zero_threshold_;
    };
    auto positive = unpack(other.positive_spans, other.positive_buckets);
    auto negative = unpack(other.negative_spans, other.negative_buckets);
    if (other.zero_threshold < zero_threshold_) {
        std::erase_if(positive, inside_zero);
        std::erase_if(negative, inside_zero);
    }
    add_buckets(positive_, at_schema(positive, other.schema, schema), sign);
    add_buckets(negative_, at_schema(negative, other.schema, schema), sign);
}

void HistogramSum::add_custom(const FloatHistogram& other, double sign) {
    auto buckets = unpack(other.positive_spans, other.positive_buckets);
    if (custom_values_ != other.custom_values) {
        const std::vector<double> common = common_bounds(custom_values_, other.custom_values);
        buckets = at_bounds(buckets, other.custom_values, common);
        Sums ours;
        for (const Sum& sum : positive_) {
            const IndexedBucket bucket{sum.index, 0};
            const int32_t index = at_bounds({&bucket, 1}, custom_values_, common)[0].index;
            if (ours.empty() || ours.back().index != index) {
                ours.push_back({index, sum.count});
            } else {
                ours.back().count.add(sum.count.sum);
                ours.back().count.error += sum.count.error;
            }
        }
        positive_ = std::move(ours);
        custom_values_ = common;
    }
    add_buckets(positive_, buckets, sign);
}

double HistogramSum::reconcile_zero_buckets(const FloatHistogram& other) {
    GrownZero theirs{other.zero_count, other.zero_threshold};
    while (theirs.threshold != zero_threshold_) {
        if (zero_threshold_ > theirs.threshold) {
            theirs = grown_zero(other, zero_threshold_);
        }
        if (theirs.threshold > zero_threshold_) {
            grow_zero_bucket(theirs.threshold);
        }
    }
    return theirs.count;
}

void HistogramSum::grow_zero_bucket(double threshold) {
    const GrownZero grown = grown_zero(shape(), threshold);
    zero_threshold_ = grown.threshold;
    const auto take = [&](Sums& buckets) {
        std::erase_if(buckets, [&](const Sum& bucket) {
            if (bucket_bound(bucket.index - 1, schema_, {}) >= zero_threshold_) {
                return false;
            }
            zero_count_.add(bucket.count.sum);
            zero_count_.error += bucket.count.error;
            return true;
        });
    };
    take(positive_);
    take(negative_);
}

void HistogramSum::add_buckets(Sums& to, const std::vector<IndexedBucket>& from, double sign) {
    size_t at = 0;
    for (const IndexedBucket& bucket : from) {
        while (at < to.size() && to[at].index < bucket.index) {
            ++at;
        }
        if (at == to.size() || to[at].index != bucket.index) {
            to.insert(to.begin() + static_cast<ptrdiff_t>(at), Sum{bucket.index, {}});
        }
        to[at].count.add(sign * bucket.count);
    }
}

void HistogramSum::reduce(Sums& buckets, int32_t from, int32_t to) {
    if (from == to) {
        return;
    }
    Sums merged;
    for (const Sum& bucket : buckets) {
        const int32_t index = index_at_schema(bucket.index, from, to);
        if (merged.empty() || merged.back().index != index) {
            merged.push_back({index, bucket.count});
        } else {
            merged.back().count.add(bucket.count.sum);
            merged.back().count.error += bucket.count.error;
        }
    }
    buckets = std::move(merged);
}

void HistogramSum::scale(double factor) {
    zero_count_.scale(factor);
    count_.scale(factor);
    sum_.scale(factor);
    for (Sums* sums : {&positive_, &negative_}) {
        std::ranges::for_each(*sums, [factor](Sum& bucket) { bucket.count.scale(factor); });
    }
    if (factor < 0) {
        hint_ = CounterResetHint::kGauge;
    }
}

void HistogramSum::divide(double divisor) {
    zero_count_.divide(divisor);
    count_.divide(divisor);
    sum_.divide(divisor);
    for (Sums* sums : {&positive_, &negative_}) {
        std::ranges::for_each(*sums, [divisor](Sum& bucket) { bucket.count.divide(divisor); });
    }
    if (divisor == 0) {
        positive_.clear();
        negative_.clear();
    } else if (divisor < 0) {
        hint_ = CounterResetHint::kGauge;
    }
}

bool HistogramSum::has_infinity() const {
    const auto infinite = [](const Sum& bucket) { return std::isinf(bucket.count.sum); };
    return std::isinf(zero_count_.sum) || std::isinf(count_.sum) || std::isinf(sum_.sum) ||
           std::ranges::any_of(positive_, infinite) || std::ranges::any_of(negative_, infinite);
}

FloatHistogram HistogramSum::shape() const {
    FloatHistogram out;
    out.hint = hint_;
    out.schema = schema_;
    out.zero_threshold = zero_threshold_;
    out.zero_count = zero_count_.value();
    out.count = count_.value();
    out.sum = sum_.value();
    out.custom_values = custom_values_;
    const auto values = [](const Sums& sums) {
        std::vector<IndexedBucket> buckets;
        for (const Sum& sum : sums) {
            buckets.push_back({sum.index, sum.count.value()});
        }
        return buckets;
    };
    pack(values(positive_), out.positive_spans, out.positive_buckets);
    pack(values(negative_), out.negative_spans, out.negative_buckets);
    return out;
}

FloatHistogram HistogramSum::result() const {
    return shape();
}

}  // namespace query::histogram

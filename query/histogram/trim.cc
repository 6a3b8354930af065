// Trimming: the part of a histogram on one side of a limit, its sum estimated from the buckets.
#include <cmath>
#include <limits>

#include "query/histogram/quantile.h"

namespace query::histogram {
namespace {

struct Kept {
    double count = 0;
    double midpoint = 0;
};

double midpoint(double lower, double upper, bool positive, bool linear) {
    if (std::isinf(lower)) {
        if (std::isinf(upper)) {
            return 0;
        }
        return upper > 0 ? upper / 2 : upper;
    }
    if (std::isinf(upper)) {
        return lower;
    }
    if (linear) {
        return (lower + upper) / 2;
    }
    const double mean = std::sqrt(std::fabs(lower * upper));
    return positive ? mean : -mean;
}

double finite_or_zero(double value) {
    return std::isinf(value) ? 0 : value;
}

// A bucket with an infinite bound cannot be split by interpolation.
Kept split_infinite(const Bucket& bucket, double limit, bool upper) {
    if (std::isinf(bucket.lower) && bucket.lower < 0) {
        if (upper) {
            if (limit >= bucket.upper) {
                return {bucket.count, 0};
            }
            if (limit > 0 && bucket.upper > 0 && !std::isinf(bucket.upper)) {
                return {bucket.count * limit / bucket.upper, limit / 2};
            }
            if (bucket.upper <= 0) {
                return {bucket.count, limit};
            }
            return {0, finite_or_zero(bucket.upper)};
        }
        if (limit <= bucket.lower) {
            return {bucket.count, 0};
        }
        if (limit >= 0 && bucket.upper > limit && !std::isinf(bucket.upper)) {
            return {bucket.count * (1 - limit / bucket.upper), (limit + bucket.upper) / 2};
        }
        return {0, finite_or_zero(bucket.upper)};
    }
    if (upper) {
        return {0, finite_or_zero(bucket.lower)};
    }
    if (limit >= bucket.lower) {
        return {bucket.count, limit};
    }
    return {0, finite_or_zero(bucket.lower)};
}

double count_below(const Bucket& bucket, double limit, bool linear) {
    if (limit <= bucket.lower) {
        return 0;
    }
    if (limit >= bucket.upper) {
        return bucket.count;
    }
    if (linear) {
        return bucket.count * (limit - bucket.lower) / (bucket.upper - bucket.lower);
    }
    const double lower = std::log2(std::fabs(bucket.lower));
    const double top = std::log2(std::fabs(bucket.upper));
    const double at = std::log2(std::fabs(limit));
    return bucket.count *
           (limit > 0 ? (at - lower) / (top - lower) : 1 - (at - top) / (lower - top));
}

Kept split(const Bucket& bucket, double limit, bool upper, bool positive, bool custom) {
    if (std::isinf(bucket.lower) || std::isinf(bucket.upper)) {
        return split_infinite(bucket, limit, upper);
    }
    const double below = count_below(bucket, limit, custom);
    return upper ? Kept{below, midpoint(bucket.lower, limit, positive, custom)}
                 : Kept{bucket.count - below, midpoint(limit, bucket.upper, positive, custom)};
}

Kept split_zero(Bucket bucket, double limit, bool upper, bool has_negative, bool has_positive) {
    if (has_negative && !has_positive) {
        bucket.upper = 0;
    }
    if (has_positive && !has_negative) {
        bucket.lower = 0;
    }
    const double middle = (bucket.lower + bucket.upper) / 2;
    const bool all = upper ? limit >= bucket.upper : limit <= bucket.lower;
    const bool none = upper ? limit <= bucket.lower : limit >= bucket.upper;
    if (none) {
        return {};
    }
    if (all) {
        return {bucket.count, middle};
    }
    const double width = bucket.upper - bucket.lower;
    return upper ? Kept{bucket.count * (limit - bucket.lower) / width, (bucket.lower + limit) / 2}
                 : Kept{bucket.count * (bucket.upper - limit) / width, (limit + bucket.upper) / 2};
}

class Trimmer {
  public:
    Trimmer(const FloatHistogram& histogram, double limit, bool upper)
        : histogram_(histogram), out_(histogram), limit_(limit), upper_(upper) {}

    FloatHistogram run() {
        const bool positive = side(true);
        const bool negative = side(false);
        if (histogram_.zero_count > 0) {
            const Kept kept =
                split_zero(zero_bucket(histogram_), limit_, upper_, negative, positive);
            changed_ |= kept.count != histogram_.zero_count;
            out_.zero_count = kept.count;
            take(kept);
        }
        if (changed_) {
            out_.count = count_;
            out_.sum = sum_;
        }
        compact(out_);
        return std::move(out_);
    }

  private:
    void take(const Kept& kept) {
        count_ += kept.count;
        sum_ += kept.midpoint * kept.count;
    }

    // Returns whether there are observations on that side.
    bool side(bool positive) {
        const bool custom = uses_custom_buckets(histogram_);
        auto buckets = positive ? unpack(histogram_.positive_spans, histogram_.positive_buckets)
                                : unpack(histogram_.negative_spans, histogram_.negative_buckets);
        bool any = false;
        for (IndexedBucket& indexed : buckets) {
            if (indexed.count == 0) {
                continue;
            }
            any = true;
            const Bucket bucket = positive ? positive_bucket(histogram_, indexed)
                                           : negative_bucket(histogram_, indexed);
            const bool inside = upper_ ? bucket.upper <= limit_ : bucket.lower >= limit_;
            const bool cut = upper_ ? bucket.lower < limit_ : bucket.upper > limit_;
            Kept kept;
            if (inside) {
                kept = {bucket.count, midpoint(bucket.lower, bucket.upper, positive, custom)};
            } else if (cut) {
                kept = split(bucket, limit_, upper_, positive, custom);
            }
            changed_ |= kept.count != indexed.count;
            indexed.count = kept.count;
            take(kept);
        }
        if (positive) {
            pack(buckets, out_.positive_spans, out_.positive_buckets);
        } else {
            pack(buckets, out_.negative_spans, out_.negative_buckets);
        }
        return any;
    }

    const FloatHistogram& histogram_;
    FloatHistogram out_;
    double limit_;
    bool upper_;
    bool changed_ = false;
    double count_ = 0;
    double sum_ = 0;
};

}  // namespace

FloatHistogram trimmed(const FloatHistogram& histogram, double limit, bool upper) {
    return Trimmer(histogram, limit, upper).run();
}

}  // namespace query::histogram

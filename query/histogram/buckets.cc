#include "query/histogram/buckets.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "query/number.h"

namespace query::histogram {
namespace {

constexpr int kDoubleExponentEnd = 1024;  // 2^1024 is the first power beyond the largest double

double exponential_bound(int32_t index, int32_t schema) {
    if (schema <= 0) {
        const int64_t exponent = static_cast<int64_t>(index) * (int64_t{1} << -schema);
        if (exponent == kDoubleExponentEnd) {
            return std::numeric_limits<double>::max();
        }
        return std::ldexp(1.0, static_cast<int>(std::clamp<int64_t>(exponent, -5000, 5000)));
    }
    const int32_t per_power = int32_t{1} << schema;
    int32_t exponent = index >> schema;
    const int32_t part = index & (per_power - 1);
    if (part == 0 && exponent == kDoubleExponentEnd) {
        return std::numeric_limits<double>::max();
    }
    return std::ldexp(std::exp2(static_cast<double>(part) / per_power), exponent);
}

void append(std::string& out, const Bucket& bucket) {
    out += bucket.lower_inclusive ? ", [" : ", (";
    out += format_general(bucket.lower) + "," + format_general(bucket.upper);
    out += bucket.upper_inclusive ? "]:" : "):";
    out += format_general(bucket.count);
}

}  // namespace

std::vector<IndexedBucket> unpack(std::span<const model::Span> spans,
                                  std::span<const double> counts) {
    std::vector<IndexedBucket> buckets;
    buckets.reserve(counts.size());
    int32_t index = 0;
    size_t next = 0;
    for (const model::Span& span : spans) {
        index += span.offset;
        for (uint32_t i = 0; i < span.length && next < counts.size(); ++i) {
            buckets.push_back({index++, counts[next++]});
        }
    }
    return buckets;
}

void pack(std::span<const IndexedBucket> buckets,
          std::vector<model::Span>& spans,
          std::vector<double>& counts) {
    spans.clear();
    counts.clear();
    int32_t next = 0;
    for (const IndexedBucket& bucket : buckets) {
        if (bucket.count == 0) {
            continue;
        }
        if (spans.empty() || bucket.index != next) {
            spans.push_back({bucket.index - next, 0});
        }
        ++spans.back().length;
        counts.push_back(bucket.count);
        next = bucket.index + 1;
    }
}

double bucket_bound(int32_t index, int32_t schema, std::span<const double> custom_values) {
    if (schema != model::kCustomBucketsSchema) {
        return exponential_bound(index, schema);
    }
    if (index < 0) {
        return -std::numeric_limits<double>::infinity();
    }
    return static_cast<size_t>(index) >= custom_values.size()
               ? std::numeric_limits<double>::infinity()
               : custom_values[static_cast<size_t>(index)];
}

int32_t index_at_schema(int32_t index, int32_t from, int32_t to) {
    return ((index - 1) >> (from - to)) + 1;
}

std::vector<IndexedBucket> at_schema(std::span<const IndexedBucket> buckets,
                                     int32_t from,
                                     int32_t to) {
    std::vector<IndexedBucket> merged;
    for (const IndexedBucket& bucket : buckets) {
        const int32_t index = from == to ? bucket.index : index_at_schema(bucket.index, from, to);
        if (!merged.empty() && merged.back().index == index) {
            merged.back().count += bucket.count;
        } else {
            merged.push_back({index, bucket.count});
        }
    }
    return merged;
}

Bucket positive_bucket(const FloatHistogram& histogram, IndexedBucket bucket) {
    const double lower = bucket_bound(bucket.index - 1, histogram.schema, histogram.custom_values);
    const double upper = bucket_bound(bucket.index, histogram.schema, histogram.custom_values);
    if (uses_custom_buckets(histogram)) {
        return {lower, upper, bucket.index == 0, true, bucket.count};
    }
    return {lower, upper, lower < 0, upper > 0, bucket.count};
}

Bucket negative_bucket(const FloatHistogram& histogram, IndexedBucket bucket) {
    const double lower = -bucket_bound(bucket.index, histogram.schema, {});
    const double upper = -bucket_bound(bucket.index - 1, histogram.schema, {});
    return {lower, upper, lower < 0, upper > 0, bucket.count};
}

Bucket zero_bucket(const FloatHistogram& histogram) {
    return {-histogram.zero_threshold, histogram.zero_threshold, true, true, histogram.zero_count};
}

std::vector<Bucket> all_buckets(const FloatHistogram& histogram) {
    std::vector<Bucket> out;
    const auto negative = unpack(histogram.negative_spans, histogram.negative_buckets);
    for (size_t i = negative.size(); i-- > 0;) {
        Bucket bucket = negative_bucket(histogram, negative[i]);
        if (bucket.upper < 0 && bucket.upper > -histogram.zero_threshold) {
            bucket.upper = -histogram.zero_threshold;
        }
        out.push_back(bucket);
    }
    if (!uses_custom_buckets(histogram) && histogram.zero_count > 0) {
        out.push_back(zero_bucket(histogram));
    }
    for (const IndexedBucket& indexed :
         unpack(histogram.positive_spans, histogram.positive_buckets)) {
        Bucket bucket = positive_bucket(histogram, indexed);
        if (!uses_custom_buckets(histogram) && bucket.lower > 0 &&
            bucket.lower < histogram.zero_threshold) {
            bucket.lower = histogram.zero_threshold;
        }
        out.push_back(bucket);
    }
    return out;
}

void compact(FloatHistogram& histogram) {
    const auto positive = unpack(histogram.positive_spans, histogram.positive_buckets);
    pack(positive, histogram.positive_spans, histogram.positive_buckets);
    const auto negative = unpack(histogram.negative_spans, histogram.negative_buckets);
    pack(negative, histogram.negative_spans, histogram.negative_buckets);
}

std::string to_string(const FloatHistogram& histogram) {
    std::string out =
        "{count:" + format_general(histogram.count) + ", sum:" + format_general(histogram.sum);
    const auto negative = unpack(histogram.negative_spans, histogram.negative_buckets);
    for (size_t i = negative.size(); i-- > 0;) {
        if (negative[i].count != 0) {
            append(out, negative_bucket(histogram, negative[i]));
        }
    }
    if (histogram.zero_count != 0) {
        append(out, zero_bucket(histogram));
    }
    for (const IndexedBucket& bucket :
         unpack(histogram.positive_spans, histogram.positive_buckets)) {
        if (bucket.count != 0) {
            append(out, positive_bucket(histogram, bucket));
        }
    }
    return out + "}";
}

}  // namespace query::histogram

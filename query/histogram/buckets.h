// Native histograms bucket by bucket: bounds, resolutions, and spans packed and unpacked.
// source: the native histogram specification of Prometheus (exponential schemas -4 … 8, custom
// bounds as schema -53)
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "model/histogram.h"

namespace query::histogram {

using model::FloatHistogram;

// One bucket by its index within its sign, as spans count them.
struct IndexedBucket {
    int32_t index = 0;
    double count = 0;
};

// One bucket by its bounds.
struct Bucket {
    double lower = 0;
    double upper = 0;
    bool lower_inclusive = false;
    bool upper_inclusive = false;
    double count = 0;
};

[[nodiscard]] inline bool uses_custom_buckets(const FloatHistogram& histogram) {
    return histogram.schema == model::kCustomBucketsSchema;
}

// The buckets of one sign with their indices, those with count zero included. Spans that promise
// more buckets than there are end early.
[[nodiscard]] std::vector<IndexedBucket> unpack(std::span<const model::Span> spans,
                                                std::span<const double> counts);

// Packs buckets, ascending by index; those with count zero are left out.
void pack(std::span<const IndexedBucket> buckets,
          std::vector<model::Span>& spans,
          std::vector<double>& counts);

// The upper bound of the bucket `index`; for custom buckets -Inf at -1, +Inf past the last.
[[nodiscard]] double bucket_bound(int32_t index,
                                  int32_t schema,
                                  std::span<const double> custom_values);

// Index of the bucket of schema `to` (not larger) that holds the bucket `index` of schema `from`.
[[nodiscard]] int32_t index_at_schema(int32_t index, int32_t from, int32_t to);

// Merges buckets into those of a schema that is not larger.
[[nodiscard]] std::vector<IndexedBucket> at_schema(std::span<const IndexedBucket> buckets,
                                                   int32_t from,
                                                   int32_t to);

[[nodiscard]] Bucket positive_bucket(const FloatHistogram& histogram, IndexedBucket bucket);
[[nodiscard]] Bucket negative_bucket(const FloatHistogram& histogram, IndexedBucket bucket);
[[nodiscard]] Bucket zero_bucket(const FloatHistogram& histogram);

// All buckets from the lowest to the highest, bounds cut at the zero bucket.
[[nodiscard]] std::vector<Bucket> all_buckets(const FloatHistogram& histogram);

// The same value without empty buckets.
void compact(FloatHistogram& histogram);

// {count:4, sum:9, (1,2]:3, …}
[[nodiscard]] std::string to_string(const FloatHistogram& histogram);

}  // namespace query::histogram

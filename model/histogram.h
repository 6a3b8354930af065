// Native histograms as values: exponential buckets (schema -4 … 8) and custom buckets (schema -53).
#pragma once

#include <cstdint>
#include <vector>

namespace model {

enum class CounterResetHint : uint8_t { kUnknown = 0, kReset = 1, kNotReset = 2, kGauge = 3 };

inline constexpr int32_t kCustomBucketsSchema = -53;

// `length` consecutive buckets, `offset` buckets after the end of the span before (the first: index
// of its first bucket).
struct Span {
    int32_t offset = 0;
    uint32_t length = 0;

    bool operator==(const Span&) const = default;
};

// Float histogram, with absolute counts per bucket: what PromQL computes with.
struct FloatHistogram {
    CounterResetHint hint = CounterResetHint::kUnknown;
    int32_t schema = 0;
    double zero_threshold = 0;
    double zero_count = 0;
    double count = 0;
    double sum = 0;
    std::vector<Span> positive_spans, negative_spans;
    std::vector<double> positive_buckets, negative_buckets;
    std::vector<double> custom_values;  // upper bounds without +Inf; schema -53 only

    bool operator==(const FloatHistogram&) const = default;
};

// Integer histogram, as scraped: buckets as deltas to the bucket before.
struct Histogram {
    CounterResetHint hint = CounterResetHint::kUnknown;
    int32_t schema = 0;
    double zero_threshold = 0;
    uint64_t zero_count = 0;
    uint64_t count = 0;
    double sum = 0;
    std::vector<Span> positive_spans, negative_spans;
    std::vector<int64_t> positive_deltas, negative_deltas;
    std::vector<double> custom_values;

    bool operator==(const Histogram&) const = default;
};

}  // namespace model

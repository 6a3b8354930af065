// The layout of histograms: which buckets there are. Spans walked, compared and united, and the
// head of a histogram chunk, which says the layout once for all its samples.
// source: docs/formats/chunks.md
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "model/bit_writer.h"
#include "model/bitstream.h"
#include "model/histogram.h"

namespace model {

inline constexpr int32_t kSchemaMin = -4;
inline constexpr int32_t kSchemaMax = 8;
// Finer ones, up to here, are reserved: they are read, and reduced to kSchemaMax.
inline constexpr int32_t kSchemaReservedMax = 52;

// Whether histograms of the schema can be read.
[[nodiscard]] constexpr bool known_schema(int32_t schema) {
    return schema == kCustomBucketsSchema || (schema >= kSchemaMin && schema <= kSchemaReservedMax);
}

// Buckets as they are stored: deltas of integer histograms, counts of float ones.
[[nodiscard]] inline const std::vector<int64_t>& positive_buckets(const Histogram& histogram) {
    return histogram.positive_deltas;
}

[[nodiscard]] inline const std::vector<int64_t>& negative_buckets(const Histogram& histogram) {
    return histogram.negative_deltas;
}

[[nodiscard]] inline const std::vector<double>& positive_buckets(const FloatHistogram& histogram) {
    return histogram.positive_buckets;
}

[[nodiscard]] inline const std::vector<double>& negative_buckets(const FloatHistogram& histogram) {
    return histogram.negative_buckets;
}

struct HistogramLayout {
    int32_t schema = 0;
    double zero_threshold = 0;
    std::vector<Span> positive, negative;
    std::vector<double> bounds;  // schema -53 only

    bool operator==(const HistogramLayout&) const = default;
};

template <class AnyHistogram>
[[nodiscard]] HistogramLayout layout_of(const AnyHistogram& histogram) {
    return {.schema = histogram.schema,
            .zero_threshold = histogram.zero_threshold,
            .positive = histogram.positive_spans,
            .negative = histogram.negative_spans,
            .bounds = histogram.schema == kCustomBucketsSchema ? histogram.custom_values
                                                               : std::vector<double>()};
}

// How many buckets the spans cover.
[[nodiscard]] size_t bucket_count(std::span<const Span> spans);

// Whether the schema is known, the indices of both sides ascend, fit into 32 bits and, for custom
// buckets, into the bounds.
[[nodiscard]] bool well_formed(int32_t schema,
                               std::span<const Span> positive,
                               std::span<const Span> negative,
                               size_t bounds);

// The same, and that there are as many buckets as the spans promise. Says nothing of the counts.
[[nodiscard]] bool well_formed(const Histogram& histogram);
[[nodiscard]] bool well_formed(const FloatHistogram& histogram);

// Walks the indices of the buckets that spans cover.
class BucketWalk {
  public:
    explicit BucketWalk(std::span<const Span> spans) : spans_(spans) {
        index_ = spans_.empty() ? 0 : spans_[0].offset;
        skip_empty();
    }

    [[nodiscard]] bool done() const { return span_ == spans_.size(); }

    [[nodiscard]] int64_t index() const { return index_; }

    void next() {
        ++index_;
        ++inside_;
        skip_empty();
    }

  private:
    void skip_empty() {
        while (!done() && inside_ == spans_[span_].length) {
            inside_ = 0;
            ++span_;
            index_ += done() ? 0 : spans_[span_].offset;
        }
    }

    std::span<const Span> spans_;
    size_t span_ = 0;
    uint32_t inside_ = 0;
    int64_t index_ = 0;
};

// Collects buckets, ascending by index, into as few spans as there can be.
class SpanBuilder {
  public:
    void add(int64_t index);

    [[nodiscard]] std::vector<Span> take() { return std::move(spans_); }

  private:
    std::vector<Span> spans_;
    int64_t next_ = 0;  // index behind the last one
};

// The buckets of either, in as few spans as there can be.
[[nodiscard]] std::vector<Span> unite(std::span<const Span> a, std::span<const Span> b);

// Buckets of one side spread over a layout that covers theirs; new ones are empty. Deltas
// (integers) or counts (doubles).
[[nodiscard]] std::vector<int64_t> widen(std::span<const Span> from,
                                         std::span<const int64_t> deltas,
                                         std::span<const Span> to);
[[nodiscard]] std::vector<double> widen(std::span<const Span> from,
                                        std::span<const double> counts,
                                        std::span<const Span> to);

// Gives the histogram the buckets of a layout that covers its own.
void widen_into(Histogram& histogram, const HistogramLayout& to);
void widen_into(FloatHistogram& histogram, const HistogramLayout& to);

// Reduces an exponential histogram to a coarser schema; nothing when it is coarse enough.
void reduce_resolution(Histogram& histogram, int32_t schema_max);
void reduce_resolution(FloatHistogram& histogram, int32_t schema_max);

// Absolute counts of an integer histogram's deltas.
[[nodiscard]] FloatHistogram to_float(const Histogram& histogram);

void put_layout(BitWriter& out, const HistogramLayout& layout);

// Reads a layout, of which every bucket takes a bit at least from what follows it in the chunk.
//   bits     of the chunk, where the reader must not go beyond
//   returns  nothing when there is no well-formed layout
[[nodiscard]] std::optional<HistogramLayout> read_layout(BitReader& in, size_t bits);

}  // namespace model

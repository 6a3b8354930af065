// The bytes of one open histogram chunk, and the last sample with what its coding needs to know:
// how samples are written, not whether they may be. source: docs/formats/chunks.md
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

#include "model/bit_writer.h"
#include "model/histogram.h"
#include "model/histogram_chunk.h"
#include "model/histogram_fit.h"
#include "model/histogram_layout.h"
#include "model/sample.h"
#include "model/varbit.h"
#include "model/xor_value.h"

namespace model {

template <class AnyHistogram>
inline constexpr bool kIsFloat = std::is_same_v<AnyHistogram, FloatHistogram>;

struct HistogramEncoder {
    explicit HistogramEncoder(bool floats) : is_float(floats) {}

    BitWriter out;
    HistogramLayout layout;
    bool is_float;
    bool stale = false;
    uint16_t samples = 0;
    ChunkReset reset = ChunkReset::kUnknown;
    int64_t min_t = 0;
    DodValue t;
    DodValue count, zero_count;              // of an integer histogram
    XorValue float_count, float_zero_count;  // of a float one
    XorValue sum;
    uint32_t positive = 0;         // buckets of that side; they come first
    std::vector<DodValue> deltas;  // of an integer histogram
    std::vector<XorValue> counts;  // of a float one

    [[nodiscard]] bool gauge() const { return reset == ChunkReset::kGauge; }

    // One side's buckets in the last sample; the histogram says which kind.
    [[nodiscard]] Side<DodValue> side(const Histogram&, bool of_positive) const {
        return stored_side(std::span<const DodValue>(deltas), of_positive);
    }

    [[nodiscard]] Side<XorValue> side(const FloatHistogram&, bool of_positive) const {
        return stored_side(std::span<const XorValue>(counts), of_positive);
    }

    // Whether the histogram counts less than the last sample, in all or in the zero bucket.
    [[nodiscard]] bool counts_fell(const Histogram& histogram) const;
    [[nodiscard]] bool counts_fell(const FloatHistogram& histogram) const;
    [[nodiscard]] bool zeros_fell(const Histogram& histogram) const;
    [[nodiscard]] bool zeros_fell(const FloatHistogram& histogram) const;
    // Whether both are those of the last sample.
    [[nodiscard]] bool same_totals(const Histogram& histogram) const;
    [[nodiscard]] bool same_totals(const FloatHistogram& histogram) const;

    // Writes the first sample, into an empty chunk, and its layout with it.
    template <class AnyHistogram>
    void put_first(int64_t time, const AnyHistogram& histogram, ChunkReset from);

    // Writes a later one that is not stale, with the buckets of the chunk's layout.
    template <class AnyHistogram>
    void put_later(int64_t time, const AnyHistogram& histogram);

    // Writes a later one that is: no buckets, the counts left as they would go on.
    void put_stale(int64_t time);

    [[nodiscard]] size_t memory_bytes() const;

  private:
    template <class Stored>
    [[nodiscard]] Side<Stored> stored_side(std::span<const Stored> all, bool of_positive) const {
        return of_positive ? Side<Stored>{layout.positive, all.first(positive)}
                           : Side<Stored>{layout.negative, all.subspan(positive)};
    }

    void put_header(ChunkReset from);
    void put_first_fields(const Histogram& histogram);
    void put_first_fields(const FloatHistogram& histogram);
    void put_first_sum(double value);
    void put_later_fields(const Histogram& histogram);
    void put_later_fields(const FloatHistogram& histogram);
    void counted();
};

extern template void HistogramEncoder::put_first(int64_t, const Histogram&, ChunkReset);
extern template void HistogramEncoder::put_first(int64_t, const FloatHistogram&, ChunkReset);
extern template void HistogramEncoder::put_later(int64_t, const Histogram&);
extern template void HistogramEncoder::put_later(int64_t, const FloatHistogram&);

}  // namespace model

// Histogram chunks: native histograms of one layout, encodings 2 (integer) and 3 (float). The bytes
// are those of Prometheus' chunk payloads; see docs/formats/chunks.md.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "base/result.h"
#include "model/chunk.h"
#include "model/histogram.h"

namespace model {

// What the header of a histogram chunk says about its first sample.
enum class ChunkReset : uint8_t { kUnknown = 0, kNotReset = 1, kReset = 2, kGauge = 3 };

// One open chunk that takes integer histograms or float histograms, not both. Follows Prometheus'
// rules of appendability: new buckets widen the chunk (its samples are coded again), missing empty
// ones widen the sample; a counter reset, another schema, zero threshold or set of bounds asks for
// a new chunk. Histograms offered are well_formed (model/histogram_layout.h), which is CHECKed;
// schemas above 8 are reduced to it. Memory: some 350 bytes, the layout, 16 bytes per bucket and
// the bytes written. Threads: one.
class HistogramChunkWriter {
  public:
    // What becomes of a sample offered.
    enum class Outcome : uint8_t {
        kAppended,
        kCutReset,   // not appended: begin a new chunk with ChunkReset::kReset
        kCutLayout,  // not appended, or the chunk is full (65535): begin one with kUnknown
        kCutKind,    // not appended: the chunk is of the other kind; begin one with kUnknown
    };

    HistogramChunkWriter();
    ~HistogramChunkWriter();
    HistogramChunkWriter(HistogramChunkWriter&&) noexcept;
    HistogramChunkWriter& operator=(HistogramChunkWriter&&) noexcept;

    // Empties the writer and begins a chunk with this sample; a hint of the histogram that it is a
    // gauge, or comes after a reset, wins over `reset`.
    void begin(int64_t t, const Histogram& histogram, ChunkReset reset);
    void begin(int64_t t, const FloatHistogram& histogram, ChunkReset reset);

    // Offers the next sample; t is later than max_t(). A stale sample (sum is the stale marker) is
    // always appended; behind one only stale samples are.
    [[nodiscard]] Outcome append(int64_t t, const Histogram& histogram);
    [[nodiscard]] Outcome append(int64_t t, const FloatHistogram& histogram);

    // What to begin the next chunk with when this one is cut for its size or time and the sample
    // follows: kNotReset when it could have been appended.
    [[nodiscard]] ChunkReset reset_before(const Histogram& histogram) const;
    [[nodiscard]] ChunkReset reset_before(const FloatHistogram& histogram) const;

    [[nodiscard]] bool empty() const;  // nothing begun
    [[nodiscard]] bool is_float() const;
    [[nodiscard]] uint16_t count() const;
    [[nodiscard]] int64_t min_t() const;
    [[nodiscard]] int64_t max_t() const;
    [[nodiscard]] Encoding encoding() const;
    // The chunk, complete with its count. Valid until the next begin() or append().
    [[nodiscard]] std::span<const uint8_t> bytes() const;
    // Memory held, for accounting.
    [[nodiscard]] size_t memory_bytes() const;
    // Whether the sample repeats the last one exactly (a duplicate that is no error), however its
    // empty buckets are laid out. Hints do not count.
    [[nodiscard]] bool last_equals(const Histogram& histogram) const;
    [[nodiscard]] bool last_equals(const FloatHistogram& histogram) const;

  private:
    struct State;

    template <class AnyHistogram>
    void begin_any(int64_t t, const AnyHistogram& histogram, ChunkReset reset);
    template <class AnyHistogram>
    [[nodiscard]] Outcome append_any(int64_t t, const AnyHistogram& histogram);
    template <class AnyHistogram>
    [[nodiscard]] ChunkReset reset_of(const AnyHistogram& histogram) const;
    template <class AnyHistogram>
    [[nodiscard]] bool last_equals_any(const AnyHistogram& histogram) const;

    std::unique_ptr<State> state_;
};

}  // namespace model

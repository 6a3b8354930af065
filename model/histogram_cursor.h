// Reads the samples of one histogram chunk, in order: encodings 2, 3, 5 and 6.
// source: docs/formats/chunks.md
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "model/bitstream.h"
#include "model/chunk.h"
#include "model/histogram.h"
#include "model/histogram_chunk.h"
#include "model/histogram_layout.h"
#include "model/start_times.h"
#include "model/varbit.h"
#include "model/xor_value.h"

namespace model {

// What a histogram chunk's header says.
struct HistogramHeader {
    size_t bytes = 0;  // its length
    size_t samples = 0;
    ChunkReset reset = ChunkReset::kUnknown;
    uint8_t starts = 0;  // see StartTimes; 0 where the encoding has none
};

[[nodiscard]] constexpr bool is_histogram_encoding(Encoding encoding) {
    return encoding == Encoding::kHistogram || encoding == Encoding::kFloatHistogram ||
           encoding == Encoding::kHistogramSt || encoding == Encoding::kFloatHistogramSt;
}

// No samples when the chunk is too short for a header.
[[nodiscard]] HistogramHeader histogram_header(Encoding encoding, std::span<const uint8_t> chunk);

// Lifetime: the chunk's bytes outlive the cursor. Threads: one.
class HistogramCursor {
  public:
    // Reads header and layout of a chunk.
    //   encoding  a histogram encoding
    //   errors    kCorrupt: the bytes are no such chunk
    [[nodiscard]] static base::Result<HistogramCursor> open(Encoding encoding,
                                                            std::span<const uint8_t> chunk);

    [[nodiscard]] bool is_float() const { return is_float_; }

    [[nodiscard]] bool done() const { return read_ == header_.samples; }

    // Reads the next sample, of which there is one.
    //   errors  kCorrupt: its bits are impossible or missing; the cursor is of no more use
    [[nodiscard]] base::Status next();

    // The last sample read.
    [[nodiscard]] int64_t t() const { return t_.value; }

    [[nodiscard]] int64_t start_t() const { return start_t_; }

    [[nodiscard]] bool stale() const { return stale_; }

    // As it is stored; the hint is the one a reader is to see. Only for chunks of that kind.
    [[nodiscard]] Histogram integer() const;
    [[nodiscard]] FloatHistogram floating() const;

    // Either kind as floats.
    [[nodiscard]] FloatHistogram as_float() const;

    // Bytes that one sample takes when it is taken out, about.
    [[nodiscard]] size_t sample_bytes() const;

  private:
    HistogramCursor(const HistogramHeader& header, bool is_float, std::span<const uint8_t> chunk)
        : header_(header), is_float_(is_float), in_(chunk), starts_(header.starts) {}

    [[nodiscard]] CounterResetHint hint() const;
    [[nodiscard]] bool read_first();
    [[nodiscard]] bool read_later();
    [[nodiscard]] bool read_buckets();

    HistogramHeader header_;
    bool is_float_;
    BitReader in_;
    StartTimes starts_;
    HistogramLayout layout_;
    size_t positive_ = 0;  // buckets of that side; they come first
    size_t read_ = 0;      // samples
    bool stale_ = false;
    int64_t start_t_ = 0;
    DodValue t_;
    DodValue count_, zero_count_;              // of integer histograms
    XorValue float_count_, float_zero_count_;  // of float ones
    XorValue sum_;
    std::vector<DodValue> deltas_;
    std::vector<XorValue> counts_;
};

}  // namespace model

// Samples of any kind, out of chunks of any encoding and back into chunks: for what re-encodes
// (compaction of overlaps, deletion, out-of-order data) and what prints. PromQL decodes into
// columns instead (query/exec/columns.h).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/chunk.h"
#include "model/histogram.h"

namespace model {

// One sample: a float, or one of the two histograms.
struct TypedSample {
    int64_t t = 0;   // ms
    int64_t st = 0;  // start timestamp, ms; 0: none
    double v = 0;
    std::shared_ptr<const Histogram> integer;
    std::shared_ptr<const FloatHistogram> floating;

    [[nodiscard]] bool is_float() const { return integer == nullptr && floating == nullptr; }
};

// How integer histograms are wanted.
enum class HistogramsAs : uint8_t { kStored, kFloat };

// Appends every sample of the chunk, in its order. All encodings but kNone, kSamples included
// (whose histograms come as floating ones, with their own hints). Counter-reset hints are those a
// reader is to see: of the chunk's first sample unknown, of later ones not reset, gauge throughout
// when the header says so. A stale histogram is its sum and nothing else; schemas above 8 are
// reduced to it. Memory: at most 1 MiB and 4 KiB per byte of the chunk.
//   errors  kCorrupt: the bytes are no such chunk; kUnsupported: an encoding not known; `out` then
//           has what was read until there
[[nodiscard]] base::Status decode_samples(const ChunkView& chunk,
                                          std::vector<TypedSample>& out,
                                          HistogramsAs as = HistogramsAs::kStored);

// How many samples the chunk says it holds; 0 when it is too short to say, or of an unknown
// encoding.
[[nodiscard]] size_t sample_count(Encoding encoding, std::span<const uint8_t> chunk);

struct EncodedChunk {
    Encoding encoding = Encoding::kNone;
    int64_t min_t = 0;
    int64_t max_t = 0;  // inclusive
    uint32_t samples = 0;
    std::string bytes;
};

inline constexpr size_t kEncodedSamplesMax = 240;

// Encodes samples into chunks of one kind each, at most `samples_max` (1 … kEncodedSamplesMax) in a
// chunk, and appends them to `out`. Float samples become kXor; a histogram chunk is also cut at
// counter resets and changes of layout. Start timestamps are not stored. Histograms are well_formed
// (model/histogram_layout.h).
//   samples  times strictly ascending (DCHECKed)
void encode_samples(std::span<const TypedSample> samples,
                    size_t samples_max,
                    std::vector<EncodedChunk>& out);

}  // namespace model

// XOR chunks: float samples, times as delta of deltas, values as differences in their bits.
// The bytes are those of Prometheus' chunk encoding 1; see docs/formats/chunks.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/result.h"

namespace model {

inline constexpr size_t kXorFirstSampleBytesMax = 20;  // count, varint time, value
inline constexpr size_t kXorSampleBytesMax = 19;       // any later one, from any bit position

// What the encoder remembers between two samples. The chunk's bytes lie with the caller, who can so
// keep thousands of them tightly packed. A default state is an empty chunk.
struct XorState {
    int64_t t = 0;          // of the last sample, ms
    uint64_t bits = 0;      // of the last value
    uint32_t delta = 0;     // between the last two times
    uint16_t position = 0;  // bits written
    uint16_t count = 0;     // samples written; the chunk's first two bytes stay zero until
                            // xor_finish
    uint8_t leading = kNoWindow;
    uint8_t trailing = 0;

    static constexpr uint8_t kNoWindow = 0xff;

    [[nodiscard]] size_t bytes() const { return (position + 7u) >> 3; }
};

// Appends one sample to a chunk of which `to` holds a part.
//   to        `capacity` bytes of the chunk from byte `origin` on, all zero behind state.position,
//             which lies among them; for the first sample at least kXorFirstSampleBytesMax from 0
//   t         greater than state.t, by less than 2^32 ms
//   bits      of the value, taken as they are: a signalling NaN survives
//   returns   false when the sample does not fit; then nothing has changed
//   limits    the chunk stays below 8 KiB and 65536 samples: the caller cuts long before
[[nodiscard]] bool xor_append(
    XorState& state, uint8_t* to, size_t origin, size_t capacity, int64_t t, uint64_t bits);

// Writes the count into the first two bytes of a chunk, which is then complete.
inline void xor_finish(uint8_t* chunk, uint16_t count) {
    chunk[0] = static_cast<uint8_t>(count >> 8);
    chunk[1] = static_cast<uint8_t>(count);
}

// How many samples the chunk says it has; 0 for less than two bytes.
[[nodiscard]] inline size_t xor_count(std::span<const uint8_t> chunk) {
    return chunk.size() < 2 ? 0 : static_cast<size_t>(chunk[0]) << 8 | chunk[1];
}

// Decodes a whole chunk into columns.
//   t, v     room for xor_count(chunk) values each
//   errors   kCorrupt: the bytes end before the last sample, or are no chunk; the columns then hold
//            garbage
[[nodiscard]] base::Status xor_decode(std::span<const uint8_t> chunk, int64_t* t, double* v);

}  // namespace model

// XOR2 chunks: float samples with start timestamps, read only. The bytes are those of Prometheus'
// chunk encoding 4; see docs/formats/chunks.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/result.h"

namespace model {

// How many samples the chunk says it has; 0 for less than its header. More than the bytes can hold
// are possible only in a damaged chunk: xor2_decode refuses them before it writes anything.
[[nodiscard]] size_t xor2_count(std::span<const uint8_t> chunk);

// The most samples that so many bytes can hold: room for the columns needs no more.
[[nodiscard]] size_t xor2_count_max(size_t bytes);

// Decodes a whole chunk into columns.
//   t, st, v  room for xor2_count(chunk) values each; st is 0 where there is no start timestamp
//   errors    kCorrupt: the bytes are no such chunk; the columns then hold garbage
[[nodiscard]] base::Status xor2_decode(std::span<const uint8_t> chunk,
                                       int64_t* t,
                                       int64_t* st,
                                       double* v);

}  // namespace model

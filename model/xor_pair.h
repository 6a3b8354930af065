// XOR chunks of one series that are read two at a time.
// source: docs/formats/chunks.md
#pragma once

#include <span>

#include "base/result.h"
#include "model/xor_chunk.h"

namespace model {

// A chunk, and room for xor_count(chunk) values each.
struct XorColumns {
    std::span<const uint8_t> chunk;
    int64_t* t = nullptr;
    double* v = nullptr;
};

// What xor_decode() of each of them does, and its errors. Where a sample ends says only the sample
// itself, so a chunk is a chain of steps of which each waits for the one before; two chunks are two
// chains, which a processor follows at the same time.
[[nodiscard]] base::Status xor_decode_all(std::span<const XorColumns> chunks);

}  // namespace model

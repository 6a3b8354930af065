// The writing end of the bit stream in chunk payloads (the reading end: bitstream.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "model/bitstream.h"

namespace model {

// Appends bits to bytes it owns, most significant first, growing in small strides: many open
// chunks are held at a time.
class BitWriter {
  public:
    // Appends the low `count` bits (1 … 64) of `value`, whose higher bits are zero.
    void put(uint64_t value, unsigned count) {
        if (position_ + count > bytes_.size() * 8) [[unlikely]] {
            const size_t wanted = bytes_.size() + bytes_.size() / 4 + kStride;
            bytes_.reserve(wanted);  // resize() alone would double the room
            bytes_.resize(wanted);
        }
        put_bits(bytes_.data(), bytes_.size(), position_, value, count);
        position_ += count;
    }

    // What was written, the last byte filled up with zeros. Valid until the next put().
    [[nodiscard]] std::span<const uint8_t> bytes() const {
        return {bytes_.data(), (position_ + 7) / 8};
    }

    // Writes over a byte that was written as a whole.
    void patch(size_t offset, uint8_t value) { bytes_[offset] = value; }

    [[nodiscard]] size_t memory_bytes() const { return bytes_.capacity(); }

  private:
    static constexpr size_t kStride = 64;

    std::vector<uint8_t> bytes_;  // zero behind position_
    size_t position_ = 0;         // in bits
};

}  // namespace model

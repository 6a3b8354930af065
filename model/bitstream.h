// Bits appended most significant first into bytes: the stream inside chunk payloads.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace model {

// Big-endian loads and stores of unaligned words.
[[nodiscard]] inline uint64_t load_be64(const uint8_t* from) {
    uint64_t word;
    std::memcpy(&word, from, sizeof word);
    return __builtin_bswap64(word);
}

inline void store_be64(uint8_t* to, uint64_t word) {
    word = __builtin_bswap64(word);
    std::memcpy(to, &word, sizeof word);
}

// Writes the low `count` bits (1 … 64) of `value`, whose higher bits are zero, at bit `position` of
// `to`. The bits from `position` on must be zero, and fit into `capacity` bytes.
inline void put_bits(
    uint8_t* to, size_t capacity, size_t position, uint64_t value, unsigned count) {
    const size_t byte = position >> 3;
    const unsigned offset = position & 7;
    const uint64_t aligned = value << (64 - count);
    if (byte + 9 <= capacity) [[likely]] {
        store_be64(to + byte, load_be64(to + byte) | aligned >> offset);
        if (offset + count > 64) {
            to[byte + 8] = static_cast<uint8_t>(aligned << (8 - offset));
        }
        return;
    }
    const size_t bytes = (offset + count + 7) >> 3;
    for (size_t i = 0; i < bytes; ++i) {
        const uint8_t part = i < 8 ? static_cast<uint8_t>((aligned >> offset) >> (56 - 8 * i))
                                   : static_cast<uint8_t>(aligned << (8 - offset));
        to[byte + i] |= part;
    }
}

// Reads bits; never touches memory outside `bytes`. Past the end it reads zeros, and overrun()
// says so.
class BitReader {
  public:
    explicit BitReader(std::span<const uint8_t> bytes)
        : bytes_(bytes.data()), size_(bytes.size()) {}

    // The next bits, left-aligned; at least 57 of them are valid. Consumes nothing.
    [[nodiscard]] uint64_t peek() const {
        const size_t byte = position_ >> 3;
        if (byte + 8 <= size_) [[likely]] {
            return load_be64(bytes_ + byte) << (position_ & 7);
        }
        return tail(byte) << (position_ & 7);
    }

    void skip(unsigned count) { position_ += count; }

    // The next `count` bits (1 … 64).
    [[nodiscard]] uint64_t read(unsigned count) {
        if (count <= 57) {
            const uint64_t value = peek() >> (64 - count);
            position_ += count;
            return value;
        }
        const uint64_t high = peek() >> 32;
        position_ += 32;
        const unsigned rest = count - 32;
        const uint64_t low = peek() >> (64 - rest);
        position_ += rest;
        return high << rest | low;
    }

    [[nodiscard]] bool overrun() const { return position_ > size_ * 8; }

    [[nodiscard]] size_t position() const { return position_; }

  private:
    [[nodiscard]] uint64_t tail(size_t byte) const {
        uint64_t word = 0;
        for (size_t i = byte; i < size_ && i < byte + 8; ++i) {
            word |= static_cast<uint64_t>(bytes_[i]) << (56 - 8 * (i - byte));
        }
        return word;
    }

    const uint8_t* bytes_;
    size_t size_;
    size_t position_ = 0;  // in bits
};

}  // namespace model

// Integers of variable width in the bit stream of histogram chunks: a prefix of ones names one of
// nine widths. The varints of whole bytes that stand in the same streams are here too.
// source: docs/formats/chunks.md
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#include "model/bit_writer.h"
#include "model/bitstream.h"

namespace model {

// Payload bits by the number of ones in the prefix, less one. No ones: the value is 0.
inline constexpr std::array<unsigned, 8> kVarbitWidths = {3, 6, 9, 12, 18, 25, 56, 64};

// Whether `value` is one of the n-bit numbers from -(2^(n-1) - 1) to 2^(n-1); n is 1 … 63.
[[nodiscard]] constexpr bool fits_signed(int64_t value, unsigned bits) {
    const int64_t half = int64_t{1} << (bits - 1);
    return value > -half && value <= half;
}

// `raw` as such a number of 1 … 63 bits.
[[nodiscard]] constexpr int64_t to_signed(uint64_t raw, unsigned bits) {
    const auto value = static_cast<int64_t>(raw);
    return value > (int64_t{1} << (bits - 1)) ? value - (int64_t{1} << bits) : value;
}

namespace detail {

// The row with the prefix of `ones` ones (1 … 8) and the low bits of `raw`.
inline void put_varbit_row(BitWriter& out, unsigned ones, uint64_t raw) {
    const unsigned width = kVarbitWidths[ones - 1];
    const unsigned prefix = std::min(ones + 1, 8u);
    const uint64_t marks = ones == 8 ? 0xff : ((uint64_t{1} << ones) - 1) << 1;
    if (width == 64) {
        out.put(marks, prefix);
        out.put(raw, 64);
        return;
    }
    out.put(marks << width | (raw & ((uint64_t{1} << width) - 1)), prefix + width);
}

// Reads the prefix and the payload; the width of the payload, 0 for the value 0.
inline uint64_t read_varbit_row(BitReader& in, unsigned& width) {
    const uint64_t word = in.peek();
    const auto ones = static_cast<unsigned>(std::countl_one(word >> 56 << 56));
    if (ones == 0) {
        width = 0;
        in.skip(1);
        return 0;
    }
    const unsigned prefix = std::min(ones + 1, 8u);
    width = kVarbitWidths[ones - 1];
    in.skip(prefix);
    if (prefix + width <= 57) {
        in.skip(width);
        return word << prefix >> (64 - width);
    }
    return in.read(width);
}

}  // namespace detail

inline void put_varbit_int(BitWriter& out, int64_t value) {
    if (value == 0) {
        out.put(0, 1);
        return;
    }
    unsigned ones = 1;
    while (ones < kVarbitWidths.size() && !fits_signed(value, kVarbitWidths[ones - 1])) {
        ++ones;
    }
    detail::put_varbit_row(out, ones, static_cast<uint64_t>(value));
}

inline void put_varbit_uint(BitWriter& out, uint64_t value) {
    if (value == 0) {
        out.put(0, 1);
        return;
    }
    unsigned ones = 1;
    while (ones < kVarbitWidths.size() && value >> kVarbitWidths[ones - 1] != 0) {
        ++ones;
    }
    detail::put_varbit_row(out, ones, value);
}

[[nodiscard]] inline int64_t read_varbit_int(BitReader& in) {
    unsigned width = 0;
    const uint64_t raw = detail::read_varbit_row(in, width);
    return width == 0 || width == 64 ? static_cast<int64_t>(raw) : to_signed(raw, width);
}

[[nodiscard]] inline uint64_t read_varbit_uint(BitReader& in) {
    unsigned width = 0;
    return detail::read_varbit_row(in, width);
}

// An integer field of successive samples, coded by how much its change changes.
struct DodValue {
    int64_t value = 0;
    int64_t delta = 0;

    void read(BitReader& in) { advance(read_varbit_int(in)); }

    void put(BitWriter& out, int64_t next) {
        const uint64_t change = static_cast<uint64_t>(next) - static_cast<uint64_t>(value);
        const auto dod = static_cast<int64_t>(change - static_cast<uint64_t>(delta));
        put_varbit_int(out, dod);
        advance(dod);
    }

  private:
    // Unsigned: corrupt input may overflow.
    void advance(int64_t dod) {
        delta = static_cast<int64_t>(static_cast<uint64_t>(delta) + static_cast<uint64_t>(dod));
        value = static_cast<int64_t>(static_cast<uint64_t>(value) + static_cast<uint64_t>(delta));
    }
};

// A varint of whole bytes, at any bit; `ok` turns false on more than ten bytes.
[[nodiscard]] inline uint64_t read_uvarint(BitReader& in, bool& ok) {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        const uint64_t byte = in.read(8);
        if (shift < 64) {
            value |= (byte & 0x7f) << shift;
        }
        if (byte < 0x80) {
            return value;
        }
    }
    ok = false;
    return 0;
}

[[nodiscard]] inline int64_t read_varint(BitReader& in, bool& ok) {
    const uint64_t raw = read_uvarint(in, ok);
    return static_cast<int64_t>(raw >> 1 ^ (~(raw & 1) + 1));
}

}  // namespace model

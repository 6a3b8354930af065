// A float in the bit stream of chunks, coded by the bits in which it differs from the one before:
// the coder of XOR chunks and of every float field of histogram chunks.
// source: docs/formats/chunks.md
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

#include "model/bit_writer.h"
#include "model/bitstream.h"

namespace model {

// Where the last written difference lay. A reader begins with all 64 bits, a writer with none.
struct XorWindow {
    unsigned leading = 0;   // zero bits in front
    unsigned trailing = 0;  // zero bits behind

    static constexpr unsigned kNone = 0xff;
    static constexpr unsigned kLeadingMax = 31;  // five bits in the stream

    bool operator==(const XorWindow&) const = default;
};

// Takes the eleven bits at the top of `word` as a window; false when there is no such window.
[[nodiscard]] inline bool take_xor_window(uint64_t word, XorWindow& window) {
    window.leading = static_cast<unsigned>(word >> 59);
    const auto stored = static_cast<unsigned>(word << 5 >> 58);
    const unsigned significant = stored == 0 ? 64 : stored;
    if (window.leading + significant > 64) {
        return false;
    }
    window.trailing = 64 - window.leading - significant;
    return true;
}

// Changes `bits` by what the window shows of the stream, behind `control` bits (at most 14) that
// the caller has seen in `word`, the reader's peek().
template <class Reader>
void read_xor_window(
    Reader& in, uint64_t word, unsigned control, const XorWindow& window, uint64_t& bits) {
    const unsigned significant = 64 - window.leading - window.trailing;
    if (control + significant <= 57) {
        in.skip(control + significant);
        bits ^= word << control >> (64 - significant) << window.trailing;
    } else {
        in.skip(control);
        bits ^= in.read(significant) << window.trailing;
    }
}

// Reads one value; false when the window it names is impossible.
template <class Reader>
[[nodiscard]] bool read_xor_value(Reader& in, XorWindow& window, uint64_t& bits) {
    const uint64_t word = in.peek();
    if ((word >> 63) == 0) {
        in.skip(1);
        return true;
    }
    unsigned control = 2;
    if ((word >> 62 & 1) != 0) {
        control = 13;
        if (!take_xor_window(word << 2, window)) {
            return false;
        }
    }
    read_xor_window(in, word, control, window, bits);
    return true;
}

// One float field of successive samples, and how it was coded last.
struct XorValue {
    uint64_t bits = 0;
    XorWindow window;

    // The field of a first sample, about to be written.
    [[nodiscard]] static XorValue begin(double value) {
        return {.bits = std::bit_cast<uint64_t>(value),
                .window = {.leading = XorWindow::kNone, .trailing = 0}};
    }

    [[nodiscard]] double value() const { return std::bit_cast<double>(bits); }

    [[nodiscard]] bool read(BitReader& in) { return read_xor_value(in, window, bits); }

    void put(BitWriter& out, double next) {
        const uint64_t changed = std::bit_cast<uint64_t>(next) ^ bits;
        bits ^= changed;
        if (changed == 0) {
            out.put(0, 1);
            return;
        }
        const auto zeros = static_cast<unsigned>(std::countl_zero(changed));
        const unsigned leading = std::min(zeros, XorWindow::kLeadingMax);
        const auto trailing = static_cast<unsigned>(std::countr_zero(changed));
        if (window.leading != XorWindow::kNone && leading >= window.leading &&
            trailing >= window.trailing) {
            out.put(0b10, 2);
        } else {
            const unsigned significant = 64 - leading - trailing;
            out.put(0b11u << 11 | leading << 6 | (significant & 63), 13);
            window = {.leading = leading, .trailing = trailing};
        }
        out.put(changed >> window.trailing, 64 - window.leading - window.trailing);
    }
};

}  // namespace model

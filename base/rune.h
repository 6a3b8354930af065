// UTF-8, one code point at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace base {

// A decoded code point. An invalid byte decodes to {0xFFFD, 1, false}, as in Go.
struct Rune {
    uint32_t value = 0xfffd;
    uint32_t length = 1;  // bytes
    bool valid = false;
};

// Decodes the first code point of a non-empty text: no overlong forms, no surrogates, nothing
// beyond U+10FFFF.
[[nodiscard]] inline Rune decode_rune(std::string_view text) {
    const auto byte = [&](size_t i) {
        return static_cast<uint32_t>(static_cast<unsigned char>(text[i]));
    };
    const auto continues = [&](size_t i) { return i < text.size() && (byte(i) & 0xc0) == 0x80; };
    const uint32_t first = byte(0);
    if (first < 0x80) {
        return {first, 1, true};
    }
    if (first >= 0xc2 && first <= 0xdf && continues(1)) {
        return {(first & 0x1f) << 6 | (byte(1) & 0x3f), 2, true};
    }
    if ((first & 0xf0) == 0xe0 && continues(1) && continues(2)) {
        const uint32_t value = (first & 0x0f) << 12 | (byte(1) & 0x3f) << 6 | (byte(2) & 0x3f);
        if (value >= 0x800 && (value < 0xd800 || value > 0xdfff)) {
            return {value, 3, true};
        }
    }
    if (first >= 0xf0 && first <= 0xf4 && continues(1) && continues(2) && continues(3)) {
        const uint32_t value = (first & 0x07) << 18 | (byte(1) & 0x3f) << 12 |
                               (byte(2) & 0x3f) << 6 | (byte(3) & 0x3f);
        if (value >= 0x10000 && value <= 0x10ffff) {
            return {value, 4, true};
        }
    }
    return {};
}

inline constexpr uint32_t kRuneMax = 0x10ffff;

// Appends a code point up to kRuneMax as UTF-8.
inline void append_rune(std::string& out, uint32_t rune) {
    if (rune < 0x80) {
        out += static_cast<char>(rune);
    } else if (rune < 0x800) {
        out += static_cast<char>(0xc0 | rune >> 6);
        out += static_cast<char>(0x80 | (rune & 0x3f));
    } else if (rune < 0x10000) {
        out += static_cast<char>(0xe0 | rune >> 12);
        out += static_cast<char>(0x80 | (rune >> 6 & 0x3f));
        out += static_cast<char>(0x80 | (rune & 0x3f));
    } else {
        out += static_cast<char>(0xf0 | rune >> 18);
        out += static_cast<char>(0x80 | (rune >> 12 & 0x3f));
        out += static_cast<char>(0x80 | (rune >> 6 & 0x3f));
        out += static_cast<char>(0x80 | (rune & 0x3f));
    }
}

}  // namespace base

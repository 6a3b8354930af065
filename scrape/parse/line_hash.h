// The hash that stands for a series' text in a cache: keyed, 64 bits, about a quarter nanosecond
// per byte.
//
// Two texts of one target with equal length and hash are taken for the same series, so the hash
// must be one that a target cannot aim at: the key is random, per process, and never leaves it.
// Eight bytes at a time are folded by a 64 × 64 → 128-bit multiplication, three lanes side by side.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/random.h"

namespace scrape {

struct LineKey {
    uint64_t word[4] = {
        0x9e3779b97f4a7c15ULL, 0xc2b2ae3d27d4eb4fULL, 0x165667b19e3779f9ULL, 0xd6e8feb86659fd93ULL};

    [[nodiscard]] static LineKey random(base::Random& random) {
        LineKey key;
        for (uint64_t& word : key.word) {
            word = random.u64() | 1;
        }
        return key;
    }
};

namespace detail {

inline uint64_t load64(const char* at) {
    uint64_t word;
    std::memcpy(&word, at, sizeof word);
    return word;
}

inline uint64_t load32(const char* at) {
    uint32_t word;
    std::memcpy(&word, at, sizeof word);
    return word;
}

inline uint64_t fold(uint64_t left, uint64_t right) {
    __extension__ using Wide = unsigned __int128;
    const Wide product = static_cast<Wide>(left) * right;
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

}  // namespace detail

// Hash of `length` bytes at `at`; reads nothing beyond them.
[[nodiscard]] inline uint64_t line_hash(const char* at, size_t length, const LineKey& key) {
    using detail::fold;
    using detail::load32;
    using detail::load64;
    uint64_t seed = key.word[0] ^ length;
    uint64_t left = 0;
    uint64_t right = 0;
    if (length > 16) {
        const char* const last = at + length - 16;
        uint64_t second = seed;
        uint64_t third = seed;
        while (last - at > 32) {
            seed = fold(load64(at) ^ key.word[1], load64(at + 8) ^ seed);
            second = fold(load64(at + 16) ^ key.word[2], load64(at + 24) ^ second);
            third = fold(load64(at + 32) ^ key.word[3], load64(at + 40) ^ third);
            at += 48;
        }
        seed ^= second ^ (third << 1 | third >> 63);
        while (at < last) {
            seed = fold(load64(at) ^ key.word[1], load64(at + 8) ^ seed);
            at += 16;
        }
        left = load64(last);
        right = load64(last + 8);
    } else if (length >= 8) {
        left = load64(at);
        right = load64(at + length - 8);
    } else if (length >= 4) {
        left = load32(at);
        right = load32(at + length - 4);
    } else if (length > 0) {
        left = static_cast<uint64_t>(static_cast<uint8_t>(at[0])) << 16 |
               static_cast<uint64_t>(static_cast<uint8_t>(at[length / 2])) << 8 |
               static_cast<uint8_t>(at[length - 1]);
    }
    const uint64_t mixed = fold(left ^ key.word[2], right ^ seed);
    return fold(mixed ^ key.word[3], seed ^ key.word[1] ^ length);
}

[[nodiscard]] inline uint64_t line_hash(std::string_view text, const LineKey& key) {
    return line_hash(text.data(), text.size(), key);
}

}  // namespace scrape

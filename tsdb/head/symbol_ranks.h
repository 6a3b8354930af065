// The symbols of some series in the order of their texts.
#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "tsdb/head/head.h"

namespace tsdb {

// Numbers symbols by their texts. Symbols are places in an arena, far apart: which of them are
// there is a bit each, counted up to every word, so that a rank costs four bytes per symbol and a
// quarter of a bit per byte of the arena.
//   threads   any, once it is made
//   lifetime  knows numbers only
class SymbolRanks {
  public:
    // Of every name and value of the series in `slots`.
    SymbolRanks(const Head& head, std::span<const uint32_t> slots);

    // From 1: 0 is the empty text. Of a symbol that is none of theirs nothing is said.
    [[nodiscard]] uint32_t operator[](uint32_t symbol) const { return ranks_[index_of(symbol)]; }

    // By their texts. Once: the list is not kept.
    [[nodiscard]] std::vector<uint32_t> take_sorted() { return std::move(sorted_); }

    // Bytes that so many symbols in an arena of so many bytes take at most. Parts of the arena that
    // were given back may cost a little more.
    [[nodiscard]] static uint64_t bytes_max(uint64_t symbols, uint64_t arena_bytes);

    // Bytes held.
    [[nodiscard]] size_t bytes() const;

  private:
    static constexpr uint32_t kBits = 64;

    struct Word {
        uint64_t there = 0;   // a bit per symbol
        uint32_t before = 0;  // symbols in the words before
    };

    void note(uint32_t symbol);
    void number();

    // How many symbols lie before it.
    [[nodiscard]] size_t index_of(uint32_t symbol) const {
        const Word& word = words_[symbol / kBits];
        const uint64_t lower = (uint64_t{1} << symbol % kBits) - 1;
        return word.before + static_cast<uint32_t>(std::popcount(word.there & lower));
    }

    std::vector<Word> words_;
    std::vector<uint32_t> sorted_;
    std::vector<uint32_t> ranks_;  // by index
};

}  // namespace tsdb

#include "tsdb/head/symbol_ranks.h"

#include <algorithm>

namespace tsdb {

SymbolRanks::SymbolRanks(const Head& head, std::span<const uint32_t> slots) {
    for (const uint32_t slot : slots) {
        const LabelSet labels = head.labels_of(slot);
        for (size_t i = 0; i < labels.names.size(); ++i) {
            note(labels.names[i]);
            note(labels.values[i]);
        }
    }
    number();
    const Symbols& symbols = *head.symbols();
    std::ranges::sort(sorted_, {}, [&](uint32_t symbol) { return symbols.text(symbol); });
    ranks_.resize(sorted_.size());
    for (size_t i = 0; i < sorted_.size(); ++i) {
        ranks_[index_of(sorted_[i])] = static_cast<uint32_t>(i) + 1;
    }
}

void SymbolRanks::note(uint32_t symbol) {
    const size_t word = symbol / kBits;
    if (word >= words_.size()) {
        words_.resize(std::max(word + 1, words_.size() * 2));
    }
    words_[word].there |= uint64_t{1} << symbol % kBits;
}

// Counts the symbols, and lists them as they lie.
void SymbolRanks::number() {
    uint32_t count = 0;
    for (Word& word : words_) {
        word.before = count;
        count += static_cast<uint32_t>(std::popcount(word.there));
    }
    sorted_.reserve(count);
    for (size_t at = 0; at < words_.size(); ++at) {
        for (uint64_t left = words_[at].there; left != 0; left &= left - 1) {
            const auto bit = static_cast<uint32_t>(std::countr_zero(left));
            sorted_.push_back(static_cast<uint32_t>(at) * kBits + bit);
        }
    }
}

uint64_t SymbolRanks::bytes_max(uint64_t symbols, uint64_t arena_bytes) {
    const uint64_t words = arena_bytes / BlockArena::kUnitBytes / kBits + 1;
    return 2 * words * sizeof(Word) + symbols * 2 * sizeof(uint32_t);
}

size_t SymbolRanks::bytes() const {
    return words_.capacity() * sizeof(Word) +
           (sorted_.capacity() + ranks_.capacity()) * sizeof(uint32_t);
}

}  // namespace tsdb

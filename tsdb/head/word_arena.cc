#include "tsdb/head/word_arena.h"

#include <algorithm>
#include <bit>

#include "base/check.h"

namespace tsdb {
namespace {

constexpr uint32_t round_up(uint32_t words, uint32_t step) {
    return (words + step - 1) / step * step;
}

}  // namespace

unsigned WordArena::order_of(uint32_t words) {
    return static_cast<unsigned>(std::bit_width((words - 1) / kStepWords));
}

WordArena::Position WordArena::allocate(uint32_t words) {
    words = std::max(round_up(words, kStepWords), kStepWords);
    if (words > kBlockWords) {
        return add_block(words) * kBlockWords;
    }
    const unsigned order = order_of(words);
    const Position at = take(order);
    give_stretch(at + words, words_of(order) - words);
    return at;
}

void WordArena::release(Position at, uint32_t words) {
    words = std::max(round_up(words, kStepWords), kStepWords);
    if (words > kBlockWords) {
        remove_block(at / kBlockWords, words);
        return;
    }
    // Largest first, as each piece lies at a multiple of its size.
    while (words != 0) {
        const unsigned order = order_of(std::bit_floor(words));
        give(at, order);
        at += words_of(order);
        words -= words_of(order);
    }
}

WordArena::Position WordArena::take(unsigned order) {
    unsigned from = order;
    while (from < kOrders && free_[from] == kNone) {
        ++from;
    }
    Position at = 0;
    if (from == kOrders) {
        from = kWholeBlock;
        const uint32_t block = add_block(kBlockWords);
        blocks_[block].odd = std::make_unique<std::array<uint64_t, kPairs / 64>>();
        at = block * kBlockWords;
        bytes_ += sizeof *blocks_[block].odd;
    } else {
        at = free_[from];
        unlink(at, from);
        toggle(at, from);
    }
    while (from > order) {
        --from;
        toggle(at, from);
        link(at + words_of(from), from);
    }
    if (at == 0) {
        give_stretch(kStepWords, words_of(order) - kStepWords);
        return take(order);  // position 0 stays taken
    }
    return at;
}

// Smallest first: the stretch ends at a multiple of a power of two that it is shorter than.
void WordArena::give_stretch(Position from, uint32_t words) {
    for (const Position end = from + words; from != end;) {
        const unsigned order = order_of(1U << std::countr_zero(from));
        give(from, order);
        from += words_of(order);
    }
}

void WordArena::give(Position at, unsigned order) {
    while (order < kWholeBlock && !toggle(at, order)) {
        const Position buddy = at ^ words_of(order);
        unlink(buddy, order);
        at = std::min(at, buddy);
        ++order;
    }
    if (order == kWholeBlock) {
        bytes_ -= sizeof *blocks_[at / kBlockWords].odd;
        remove_block(at / kBlockWords, kBlockWords);
        return;
    }
    link(at, order);
}

bool WordArena::toggle(Position at, unsigned order) {
    if (order == kWholeBlock) {
        return true;  // it has no buddy
    }
    // The pairs of an order lie behind those of the smaller ones.
    const uint32_t pairs_of_block = kBlockWords / (2 * kStepWords);
    const uint32_t before = 2 * pairs_of_block - (2 * pairs_of_block >> order);
    const uint32_t pair = before + (at % kBlockWords) / (2 * words_of(order));
    uint64_t& bits = (*blocks_[at / kBlockWords].odd)[pair / 64];
    bits ^= uint64_t{1} << pair % 64;
    return (bits >> pair % 64 & 1) != 0;
}

void WordArena::link(Position at, unsigned order) {
    uint32_t* const node = words(at);
    node[0] = free_[order];
    node[1] = kNone;
    if (free_[order] != kNone) {
        words(free_[order])[1] = at;
    }
    free_[order] = at;
}

void WordArena::unlink(Position at, unsigned order) {
    const uint32_t* const node = words(at);
    const Position next = node[0];
    const Position before = node[1];
    (before == kNone ? free_[order] : words(before)[0]) = next;
    if (next != kNone) {
        words(next)[1] = before;
    }
}

uint32_t WordArena::add_block(uint32_t words) {
    uint32_t number = 0;
    if (blocks_.empty() && words > kBlockWords) {
        blocks_.emplace_back();  // its position would be 0
    }
    if (gone_.empty()) {
        SKEIN_CHECK(blocks_.size() < UINT32_MAX / kBlockWords, "too many chunks in the head");
        number = static_cast<uint32_t>(blocks_.size());
        blocks_.emplace_back();
    } else {
        number = gone_.back();
        gone_.pop_back();
    }
    blocks_[number].words = std::make_unique_for_overwrite<uint32_t[]>(words);
    bytes_ += size_t{words} * sizeof(uint32_t);
    return number;
}

void WordArena::remove_block(uint32_t block, uint32_t words) {
    blocks_[block] = {};
    gone_.push_back(block);
    bytes_ -= size_t{words} * sizeof(uint32_t);
}

}  // namespace tsdb

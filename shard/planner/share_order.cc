#include "shard/planner/share_order.h"

#include <algorithm>

#include "base/check.h"

namespace shard {

namespace {

// How many of the sorted entries are before this one. Each step is a comparison and a
// multiplication: half of its branches would be guessed wrong.
size_t count_before(const NodeShare* entries, size_t count, const NodeShare& entry) {
    const NodeShare* from = entries;
    while (count > 1) {
        const size_t half = count / 2;
        from += half * static_cast<size_t>(from[half - 1].before(entry));
        count -= half;
    }
    const bool last = count == 1 && from->before(entry);
    return static_cast<size_t>(from - entries) + static_cast<size_t>(last);
}

}  // namespace

size_t ShareOrder::place(const NodeShare& entry) const {
    if (!lasts_.front().before(entry)) {
        return 0;  // most that change are the emptiest
    }
    return std::min(count_before(lasts_.data(), lasts_.size(), entry), lasts_.size() - 1);
}

uint32_t ShareOrder::position(const Block& block, const NodeShare& entry) {
    const size_t before =
        count_before(block.entries.data() + block.begin, block.end - block.begin, entry);
    return block.begin + static_cast<uint32_t>(before);
}

void ShareOrder::add_block(size_t place) {
    if (unused_.empty()) {
        unused_.push_back(static_cast<uint32_t>(blocks_.size()));
        blocks_.emplace_back();
    }
    const auto offset = static_cast<ptrdiff_t>(place);
    order_.insert(order_.begin() + offset, unused_.back());
    lasts_.insert(lasts_.begin() + offset, NodeShare{});
    unused_.pop_back();
    Block& block = blocks_[order_[place]];
    block.begin = block.end = kBlockMost / 4;
}

void ShareOrder::remove_block(size_t place) {
    const auto offset = static_cast<ptrdiff_t>(place);
    unused_.push_back(order_[place]);
    order_.erase(order_.begin() + offset);
    lasts_.erase(lasts_.begin() + offset);
}

void ShareOrder::note_last(size_t place) {
    const Block& block = blocks_[order_[place]];
    lasts_[place] = block.entries[block.end - 1];
}

void ShareOrder::split(size_t place) {
    add_block(place + 1);
    Block& lower = blocks_[order_[place]];
    Block& upper = blocks_[order_[place + 1]];
    const uint32_t middle = lower.begin + (lower.end - lower.begin) / 2;
    const auto* end = std::copy(lower.entries.begin() + middle,
                                lower.entries.begin() + lower.end,
                                upper.entries.begin() + upper.begin);
    upper.end = static_cast<uint32_t>(end - upper.entries.begin());
    lower.end = middle;
    note_last(place);
    note_last(place + 1);
}

void ShareOrder::insert(const NodeShare& entry) {
    if (order_.empty()) {
        add_block(0);
    }
    size_t place = order_.size() == 1 ? 0 : this->place(entry);
    if (blocks_[order_[place]].end - blocks_[order_[place]].begin == kBlockMost) {
        split(place);
        place += lasts_[place].before(entry) ? 1 : 0;
    }
    Block& block = blocks_[order_[place]];
    uint32_t at = position(block, entry);
    auto* const entries = block.entries.begin();
    const bool head_is_shorter = at - block.begin < block.end - at;
    if (block.end == kBlockMost || (block.begin > 0 && head_is_shorter)) {
        std::copy(entries + block.begin, entries + at, entries + block.begin - 1);
        --block.begin;
        --at;
    } else {
        std::copy_backward(entries + at, entries + block.end, entries + block.end + 1);
        ++block.end;
    }
    block.entries[at] = entry;
    note_last(place);
}

void ShareOrder::erase(const NodeShare& entry) {
    const size_t place = this->place(entry);
    Block& block = blocks_[order_[place]];
    const uint32_t at = position(block, entry);
    SKEIN_CHECK(at < block.end && block.entries[at].node == entry.node,
                "a node is where its share says",
                entry.node);
    auto* const entries = block.entries.begin();
    if (at - block.begin < block.end - at) {
        std::copy_backward(entries + block.begin, entries + at, entries + at + 1);
        ++block.begin;
    } else {
        std::copy(entries + at + 1, entries + block.end, entries + at);
        --block.end;
    }
    if (block.begin == block.end) {
        remove_block(place);
    } else {
        note_last(place);
    }
}

bool ShareOrder::starts_tied() const {
    const double share = first().share;
    size_t tied = 0;
    ascend(2, [&](const NodeShare& entry) {
        tied += entry.share == share ? 1 : 0;
        return true;
    });
    return tied == 2;
}

}  // namespace shard

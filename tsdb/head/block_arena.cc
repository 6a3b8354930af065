#include "tsdb/head/block_arena.h"

#include <algorithm>
#include <cstring>

namespace tsdb {

BlockArena::BlockArena(HeadMemory& memory, HeadPart part)
    : memory_(memory),
      part_(part),
      blocks_(static_cast<std::atomic<uint8_t*>*>(
          std::calloc(kBlocksMax, sizeof(std::atomic<uint8_t*>)))) {
    SKEIN_CHECK(blocks_ != nullptr, "out of memory");
    small_.fill(kNone);
}

BlockArena::~BlockArena() {
    for (uint8_t* const block : owned_) {
        std::free(block);
    }
    std::free(blocks_);
}

uint32_t BlockArena::allocate(size_t bytes) {
    SKEIN_CHECK(bytes > 0 && bytes <= kAllocationMax, "allocation of a size out of range", bytes);
    const auto units = static_cast<uint32_t>((bytes + kUnitBytes - 1) / kUnitBytes);
    if (const uint32_t position = take_exact(units); position != kNone) {
        return position;
    }
    if (units > left_) {
        // Only now are larger pieces broken: what comes later fits in place of what went.
        if (const uint32_t position = take_larger(units); position != kNone) {
            return position;
        }
        add_blocks(units);
    }
    const uint32_t position = position_;
    position_ += units;
    left_ -= units;
    return position;
}

void BlockArena::recycle(uint32_t position, size_t bytes) {
    put(position, static_cast<uint32_t>((bytes + kUnitBytes - 1) / kUnitBytes));
}

uint32_t BlockArena::take_exact(uint32_t units) {
    if (units > kSmallUnits) {
        const auto found = large_.find(units);
        if (found == large_.end()) {
            return kNone;
        }
        const uint32_t position = found->second;
        large_.erase(found);
        free_units_ -= units;
        return position;
    }
    const uint32_t position = small_[units];
    if (position != kNone) {
        std::memcpy(&small_[units], at(position), sizeof position);
        free_units_ -= units;
    }
    return position;
}

// The front of the smallest piece that is larger.
uint32_t BlockArena::take_larger(uint32_t units) {
    uint32_t whole = kNone;
    for (uint32_t i = units + 1; i <= kSmallUnits && whole == kNone; ++i) {
        whole = small_[i] == kNone ? kNone : i;
    }
    if (whole == kNone) {
        const auto found = large_.upper_bound(units);
        if (found == large_.end()) {
            return kNone;
        }
        whole = found->first;
    }
    const uint32_t position = take_exact(whole);
    put(position + units, whole - units);
    return position;
}

void BlockArena::put(uint32_t position, uint32_t units) {
    if (units == 0) {
        return;
    }
    if (units <= kSmallUnits) {
        std::memcpy(at(position), &small_[units], sizeof position);
        small_[units] = position;
    } else {
        large_.emplace(units, position);
    }
    free_units_ += units;
}

// A large allocation takes several blocks that lie next to each other.
void BlockArena::add_blocks(uint32_t units) {
    put(position_, left_);
    const size_t blocks = (units + kUnitsPerBlock - 1) / kUnitsPerBlock;
    SKEIN_CHECK(next_block_ + blocks <= kBlocksMax, "head arena is full");
    auto* const first = static_cast<uint8_t*>(std::calloc(blocks, kBlockBytes));
    SKEIN_CHECK(first != nullptr, "out of memory");
    owned_.push_back(first);
    position_ = static_cast<uint32_t>(next_block_ * kUnitsPerBlock);
    left_ = static_cast<uint32_t>(blocks * kUnitsPerBlock);
    for (size_t i = 0; i < blocks; ++i) {
        blocks_[next_block_++].store(first + i * kBlockBytes, std::memory_order_release);
    }
    memory_.add(part_, static_cast<int64_t>(blocks * kBlockBytes));
}

}  // namespace tsdb

#include "tsdb/head/block_arena.h"

namespace tsdb {

BlockArena::BlockArena(HeadMemory& memory, HeadPart part)
    : memory_(memory),
      part_(part),
      blocks_(static_cast<std::atomic<uint8_t*>*>(
          std::calloc(kBlocksMax, sizeof(std::atomic<uint8_t*>)))) {
    SKEIN_CHECK(blocks_ != nullptr, "out of memory");
}

BlockArena::~BlockArena() {
    for (size_t i = 0; i < next_block_; ++i) {
        std::free(blocks_[i].load(std::memory_order_relaxed));
    }
    std::free(blocks_);
}

uint32_t BlockArena::allocate(size_t bytes) {
    const size_t rounded = (bytes + kUnitBytes - 1) / kUnitBytes * kUnitBytes;
    SKEIN_CHECK(rounded <= kAllocationMax, "allocation too large", bytes);
    if (rounded > left_) {
        // A large allocation takes the place of several blocks; only the first has an address.
        const size_t blocks = (rounded + kBlockBytes - 1) / kBlockBytes;
        SKEIN_CHECK(next_block_ + blocks <= kBlocksMax, "head arena is full");
        auto* const block = static_cast<uint8_t*>(std::calloc(blocks, kBlockBytes));
        SKEIN_CHECK(block != nullptr, "out of memory");
        blocks_[next_block_].store(block, std::memory_order_release);
        position_ = static_cast<uint32_t>(next_block_ * kUnitsPerBlock);
        left_ = blocks * kBlockBytes;
        next_block_ += blocks;
        memory_.add(part_, static_cast<int64_t>(left_));
        if (blocks > 1) {
            left_ = rounded;  // what is behind it has no address of its own
        }
    }
    const uint32_t at = position_;
    position_ += static_cast<uint32_t>(rounded / kUnitBytes);
    left_ -= rounded;
    return at;
}

}  // namespace tsdb

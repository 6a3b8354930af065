// Memory in blocks that never move, addressed by 32-bit positions: readers need no lock.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "base/check.h"
#include "tsdb/head/memory.h"

namespace tsdb {

// A grow-only arena. A position counts units of kUnitBytes; what is allocated is contiguous and
// zero.
//   threads   allocate(): one at a time (the caller's lock); at(): any, for positions that were
//             handed over with a release/acquire pair
//   limits    kBlocksMax blocks of kBlockBytes: 16 GiB; one allocation kAllocationMax bytes
class BlockArena {
  public:
    static constexpr size_t kUnitBytes = 4;
    static constexpr size_t kBlockBytes = size_t{256} << 10;
    static constexpr size_t kUnitsPerBlock = kBlockBytes / kUnitBytes;
    static constexpr size_t kBlocksMax = 65536;
    static constexpr size_t kAllocationMax = size_t{64} << 20;

    BlockArena(HeadMemory& memory, HeadPart part);
    ~BlockArena();
    BlockArena(const BlockArena&) = delete;
    BlockArena& operator=(const BlockArena&) = delete;

    [[nodiscard]] uint32_t allocate(size_t bytes);

    [[nodiscard]] uint8_t* at(uint32_t position) const {
        uint8_t* const block = blocks_[position / kUnitsPerBlock].load(std::memory_order_acquire);
        return block + position % kUnitsPerBlock * kUnitBytes;
    }

  private:
    HeadMemory& memory_;
    const HeadPart part_;
    std::atomic<uint8_t*>* blocks_;  // kBlocksMax; untouched pages cost nothing
    size_t next_block_ = 0;
    uint32_t position_ = 0;  // of the next free unit
    size_t left_ = 0;        // bytes behind it
};

}  // namespace tsdb

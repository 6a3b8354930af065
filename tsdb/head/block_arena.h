// Memory in blocks that never move, addressed by 32-bit positions: readers need no lock.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <vector>

#include "base/check.h"
#include "tsdb/head/memory.h"

namespace tsdb {

// An arena whose blocks stay and whose pieces are used again. A position counts units of
// kUnitBytes; what is allocated is contiguous.
//   threads   allocate() and recycle(): one at a time (the caller's lock); at(): any, for positions
//             that were handed over with a release/acquire pair
//   limits    kBlocksMax blocks of kBlockBytes, 8 GiB: positions have 31 bits; one allocation
//   kAllocationMax bytes
class BlockArena {
  public:
    static constexpr size_t kUnitBytes = 4;
    static constexpr size_t kBlockBytes = size_t{256} << 10;
    static constexpr size_t kUnitsPerBlock = kBlockBytes / kUnitBytes;
    static constexpr size_t kBlocksMax = 32768;
    static constexpr size_t kAllocationMax = size_t{64} << 20;

    BlockArena(HeadMemory& memory, HeadPart part);
    ~BlockArena();
    BlockArena(const BlockArena&) = delete;
    BlockArena& operator=(const BlockArena&) = delete;

    //   bytes    1 .. kAllocationMax; what is in them is not said
    [[nodiscard]] uint32_t allocate(size_t bytes);

    // Gives back what allocate(bytes) returned. Nobody may look at it any more.
    void recycle(uint32_t position, size_t bytes);

    [[nodiscard]] uint8_t* at(uint32_t position) const {
        uint8_t* const block = blocks_[position / kUnitsPerBlock].load(std::memory_order_acquire);
        return block + position % kUnitsPerBlock * kUnitBytes;
    }

    // Bytes of the blocks, and those of them that nothing lies in.
    [[nodiscard]] size_t bytes() const { return next_block_ * kBlockBytes; }

    [[nodiscard]] size_t free_bytes() const { return (free_units_ + left_) * kUnitBytes; }

  private:
    static constexpr uint32_t kNone = UINT32_MAX;
    // Free pieces up to here are kept by exact size, each with the position of the next in it.
    static constexpr uint32_t kSmallUnits = 256;  // 1 KiB

    [[nodiscard]] uint32_t take_exact(uint32_t units);
    [[nodiscard]] uint32_t take_larger(uint32_t units);
    void put(uint32_t position, uint32_t units);
    void add_blocks(uint32_t units);

    HeadMemory& memory_;
    const HeadPart part_;
    std::atomic<uint8_t*>* blocks_;  // kBlocksMax; untouched pages cost nothing
    std::vector<uint8_t*> owned_;    // what was allocated: of neighbouring blocks the first
    size_t next_block_ = 0;
    uint32_t position_ = 0;  // of the next unit never used
    uint32_t left_ = 0;      // units behind it
    std::array<uint32_t, kSmallUnits + 1> small_;
    std::multimap<uint32_t, uint32_t> large_;  // units -> position
    size_t free_units_ = 0;                    // of small_ and large_
};

}  // namespace tsdb

// Memory for open chunks: size classes in blocks of 16 KiB. A block that has become empty goes back
// to a pool from which any class takes: all series of a scrape grow through the classes together.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/sync.h"
#include "tsdb/head/memory.h"

namespace tsdb {

inline constexpr std::array<uint16_t, 20> kChunkClasses = {32,  48,  64,  80,  96,   112, 128,
                                                           160, 192, 224, 256, 320,  384, 448,
                                                           512, 640, 768, 896, 1024, 1152};

// Empty blocks, shared by the slabs of all partitions. Threads: any.
class BlockPool {
  public:
    static constexpr size_t kBlockBytes = size_t{16} << 10;
    static constexpr size_t kRegionBytes = size_t{2} << 20;  // blocks are asked for together
    static constexpr size_t kWarmMax = 64;  // empty blocks that keep their memory

    explicit BlockPool(HeadMemory& memory) : memory_(memory) {}

    ~BlockPool();
    BlockPool(const BlockPool&) = delete;
    BlockPool& operator=(const BlockPool&) = delete;

    // A block aligned to its size; its bytes are arbitrary.
    [[nodiscard]] uint8_t* take() EXCLUDES_LOCK(mutex_);
    void give(uint8_t* block) EXCLUDES_LOCK(mutex_);

  private:
    void add_region() REQUIRES_LOCK(mutex_);

    HeadMemory& memory_;
    base::Mutex mutex_;
    std::vector<uint8_t*> regions_ GUARDED_BY(mutex_);
    std::vector<uint8_t*> warm_ GUARDED_BY(mutex_);
    std::vector<uint8_t*> cold_ GUARDED_BY(mutex_);  // their memory is the system's
};

// One partition's open chunks. Threads: the partition's lock.
class ChunkSlab {
  public:
    explicit ChunkSlab(BlockPool& pool) : pool_(pool) {}

    ~ChunkSlab();
    ChunkSlab(const ChunkSlab&) = delete;
    ChunkSlab& operator=(const ChunkSlab&) = delete;

    // kChunkClasses[size_class] bytes, all zero.
    [[nodiscard]] uint8_t* allocate(uint8_t size_class);
    void free(uint8_t* bytes);

  private:
    struct Block;
    struct Cell;

    [[nodiscard]] static Block* block_of(uint8_t* bytes);
    [[nodiscard]] Block* add_block(uint8_t size_class);
    void link(Block* block);
    void unlink(Block* block);

    BlockPool& pool_;
    std::array<Block*, kChunkClasses.size()> open_{};  // blocks with room, by class
    Block* full_ = nullptr;                            // blocks without
};

}  // namespace tsdb

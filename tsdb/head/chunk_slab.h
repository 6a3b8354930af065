// Memory for open chunks: a chunk is a chain of segments, one cache line each, so that it grows
// without a copy and every segment fits every chunk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/sync.h"
#include "tsdb/head/memory.h"

namespace tsdb {

// All segments of a chunk but the last are full.
struct alignas(64) ChunkSegment {
    static constexpr size_t kBytes = 56;

    ChunkSegment* before;
    uint8_t bytes[kBytes];
};

static_assert(sizeof(ChunkSegment) == 64);

// Empty blocks, shared by the slabs of all partitions. Threads: any.
class BlockPool {
  public:
    static constexpr size_t kBlockBytes = size_t{16} << 10;
    static constexpr size_t kRegionBytes = size_t{2} << 20;  // blocks are asked for together
    static constexpr size_t kWarmMax = 64;                   // empty blocks that keep their memory

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

// One partition's segments. Threads: the partition's lock.
class ChunkSlab {
  public:
    explicit ChunkSlab(BlockPool& pool) : pool_(pool) {}

    ~ChunkSlab();
    ChunkSlab(const ChunkSlab&) = delete;
    ChunkSlab& operator=(const ChunkSlab&) = delete;

    // A segment of zeros behind `before`.
    [[nodiscard]] ChunkSegment* allocate(ChunkSegment* before);
    // Takes back the whole chain that ends with `last`.
    void free(ChunkSegment* last);

    // Gives blocks in which nothing lies any more to the pool. Looks at every free segment, when
    // most of all are free: for after many series went.
    void trim();

  private:
    static constexpr size_t kSegmentsPerBlock = BlockPool::kBlockBytes / sizeof(ChunkSegment);

    [[nodiscard]] std::vector<uint8_t*> empty_blocks() const;

    BlockPool& pool_;
    std::vector<uint8_t*> blocks_;
    size_t used_ = kSegmentsPerBlock;  // segments of the last block that were ever used
    ChunkSegment* free_ = nullptr;
    size_t free_count_ = 0;
};

}  // namespace tsdb

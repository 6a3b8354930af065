#include "tsdb/head/chunk_slab.h"

#include <cstring>
#include <new>

#include <sys/mman.h>

#include "base/check.h"

namespace tsdb {

BlockPool::~BlockPool() {
    const base::MutexLock lock(mutex_);
    for (uint8_t* region : regions_) {
        ::munmap(region, kRegionBytes);
    }
}

uint8_t* BlockPool::take() {
    const base::MutexLock lock(mutex_);
    if (!warm_.empty()) {
        uint8_t* const block = warm_.back();
        warm_.pop_back();
        return block;
    }
    if (cold_.empty()) {
        add_region();
    }
    uint8_t* const block = cold_.back();
    cold_.pop_back();
    memory_.add(HeadPart::kOpenChunks, kBlockBytes);
    return block;
}

void BlockPool::give(uint8_t* block) {
    const base::MutexLock lock(mutex_);
    if (warm_.size() < kWarmMax) {
        warm_.push_back(block);
        return;
    }
    ::madvise(block, kBlockBytes, MADV_DONTNEED);
    cold_.push_back(block);
    memory_.add(HeadPart::kOpenChunks, -static_cast<int64_t>(kBlockBytes));
}

void BlockPool::add_region() {
    constexpr size_t kMapped = kRegionBytes + kBlockBytes;  // room to align
    void* const mapped = ::mmap(
        nullptr, kMapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    SKEIN_CHECK(mapped != MAP_FAILED, "out of memory");
    auto* const from = static_cast<uint8_t*>(mapped);
    const size_t before = -reinterpret_cast<uintptr_t>(from) % kBlockBytes;
    if (before != 0) {
        ::munmap(from, before);
    }
    uint8_t* const region = from + before;
    ::munmap(region + kRegionBytes, kBlockBytes - before);
    regions_.push_back(region);
    for (size_t at = kRegionBytes; at > 0; at -= kBlockBytes) {
        cold_.push_back(region + at - kBlockBytes);
    }
}

// At the start of every block. Cells follow; those behind `fresh` were never used.
struct ChunkSlab::Block {
    Block* next;
    Block* before;
    Cell* free;
    uint16_t used;   // cells
    uint16_t fresh;  // offset of the next cell never used
    uint8_t size_class;

    [[nodiscard]] size_t cell_bytes() const { return kChunkClasses[size_class]; }

    [[nodiscard]] bool full() const {
        return free == nullptr && fresh + cell_bytes() > BlockPool::kBlockBytes;
    }
};

struct ChunkSlab::Cell {
    Cell* next;
};

ChunkSlab::~ChunkSlab() {
    for (Block* list : open_) {
        while (list != nullptr) {
            Block* const next = list->next;
            pool_.give(reinterpret_cast<uint8_t*>(list));
            list = next;
        }
    }
    while (full_ != nullptr) {
        Block* const next = full_->next;
        pool_.give(reinterpret_cast<uint8_t*>(full_));
        full_ = next;
    }
}

uint8_t* ChunkSlab::allocate(uint8_t size_class) {
    Block* block = open_[size_class];
    if (block == nullptr) {
        block = add_block(size_class);
    }
    uint8_t* bytes;
    if (block->free != nullptr) {
        bytes = reinterpret_cast<uint8_t*>(block->free);
        block->free = block->free->next;
    } else {
        bytes = reinterpret_cast<uint8_t*>(block) + block->fresh;
        block->fresh = static_cast<uint16_t>(block->fresh + block->cell_bytes());
    }
    ++block->used;
    if (block->full()) {
        unlink(block);
        block->next = full_;
        block->before = nullptr;
        if (full_ != nullptr) {
            full_->before = block;
        }
        full_ = block;
    }
    std::memset(bytes, 0, kChunkClasses[size_class]);
    return bytes;
}

void ChunkSlab::free(uint8_t* bytes) {
    Block* const block = block_of(bytes);
    const bool was_full = block->full();
    --block->used;
    if (was_full) {
        if (block == full_) {
            full_ = block->next;
        }
        if (block->before != nullptr) {
            block->before->next = block->next;
        }
        if (block->next != nullptr) {
            block->next->before = block->before;
        }
        link(block);
    }
    if (block->used == 0) {
        unlink(block);
        pool_.give(reinterpret_cast<uint8_t*>(block));
        return;
    }
    Cell* const cell = new (bytes) Cell{block->free};
    block->free = cell;
}

ChunkSlab::Block* ChunkSlab::block_of(uint8_t* bytes) {
    const auto address = reinterpret_cast<uintptr_t>(bytes);
    return reinterpret_cast<Block*>(address & ~(BlockPool::kBlockBytes - 1));
}

ChunkSlab::Block* ChunkSlab::add_block(uint8_t size_class) {
    constexpr uint16_t kFirstCell = (sizeof(Block) + 15) / 16 * 16;
    Block* const block = new (pool_.take()) Block{.next = nullptr,
                                                  .before = nullptr,
                                                  .free = nullptr,
                                                  .used = 0,
                                                  .fresh = kFirstCell,
                                                  .size_class = size_class};
    link(block);
    return block;
}

void ChunkSlab::link(Block* block) {
    Block*& list = open_[block->size_class];
    block->before = nullptr;
    block->next = list;
    if (list != nullptr) {
        list->before = block;
    }
    list = block;
}

void ChunkSlab::unlink(Block* block) {
    if (block->before != nullptr) {
        block->before->next = block->next;
    } else {
        open_[block->size_class] = block->next;
    }
    if (block->next != nullptr) {
        block->next->before = block->before;
    }
}

}  // namespace tsdb

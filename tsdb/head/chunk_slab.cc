#include "tsdb/head/chunk_slab.h"

#include <algorithm>
#include <new>

#include <sys/mman.h>

#include "base/check.h"

namespace tsdb {
namespace {

uint8_t* block_of(ChunkSegment* segment) {
    const auto address = reinterpret_cast<uintptr_t>(segment);
    return reinterpret_cast<uint8_t*>(address - address % BlockPool::kBlockBytes);
}

}  // namespace

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
    void* const mapped = ::mmap(nullptr,
                                kMapped,
                                PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                                -1,
                                0);
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

ChunkSlab::~ChunkSlab() {
    for (uint8_t* block : blocks_) {
        pool_.give(block);
    }
}

ChunkSegment* ChunkSlab::allocate(ChunkSegment* before) {
    ChunkSegment* segment = free_;
    if (segment != nullptr) {
        free_ = segment->before;
        --free_count_;
    } else {
        if (used_ == kSegmentsPerBlock) {
            blocks_.push_back(pool_.take());
            used_ = 0;
        }
        segment = reinterpret_cast<ChunkSegment*>(blocks_.back()) + used_;
        ++used_;
    }
    return new (segment) ChunkSegment{.before = before, .bytes = {}};
}

void ChunkSlab::free(ChunkSegment* last) {
    while (last != nullptr) {
        ChunkSegment* const before = last->before;
        last->before = free_;
        free_ = last;
        ++free_count_;
        last = before;
    }
}

// By address. The last block is not among them: it may have segments that were never used.
std::vector<uint8_t*> ChunkSlab::empty_blocks() const {
    std::vector<uint8_t*> blocks(blocks_.begin(), blocks_.end() - 1);
    std::ranges::sort(blocks);
    std::vector<uint32_t> counts(blocks.size());
    for (ChunkSegment* segment = free_; segment != nullptr; segment = segment->before) {
        const auto found = std::ranges::lower_bound(blocks, block_of(segment));
        if (found != blocks.end() && *found == block_of(segment)) {
            ++counts[static_cast<size_t>(found - blocks.begin())];
        }
    }
    size_t kept = 0;
    for (size_t i = 0; i < blocks.size(); ++i) {
        if (counts[i] == kSegmentsPerBlock) {
            blocks[kept++] = blocks[i];
        }
    }
    blocks.resize(kept);
    return blocks;
}

void ChunkSlab::trim() {
    if (free_count_ < kSegmentsPerBlock || free_count_ * 2 < blocks_.size() * kSegmentsPerBlock) {
        return;
    }
    const std::vector<uint8_t*> empty = empty_blocks();
    ChunkSegment** link = &free_;
    while (*link != nullptr) {
        if (std::ranges::binary_search(empty, block_of(*link))) {
            *link = (*link)->before;
            --free_count_;
        } else {
            link = &(*link)->before;
        }
    }
    std::erase_if(blocks_,
                  [&](uint8_t* block) { return std::ranges::binary_search(empty, block); });
    for (uint8_t* const block : empty) {
        pool_.give(block);
    }
}

}  // namespace tsdb

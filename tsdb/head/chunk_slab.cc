#include "tsdb/head/chunk_slab.h"

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
        last = before;
    }
}

}  // namespace tsdb

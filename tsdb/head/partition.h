// Series that are scraped together: their records, open and closed chunks, and the one lock that
// guards them.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/sync.h"
#include "tsdb/head/chunk_slab.h"
#include "tsdb/head/closed_chunks.h"
#include "tsdb/head/series.h"

namespace tsdb {

// When chunks are cut: Prometheus' rules (3.2).
struct ChunkRules {
    static constexpr size_t kBytesMax =
        1024;  // a chunk is cut before its next sample could pass it

    uint32_t samples = 120;                 // aimed at; twice as many are never passed
    int64_t range_ms = 2 * 60 * 60 * 1000;  // no chunk crosses a multiple of it
};

// The end of the aligned range that holds t.
[[nodiscard]] constexpr int64_t range_end(int64_t t, int64_t width) {
    return t > INT64_MAX - width ? INT64_MAX : t / width * width + width;
}

//   threads  lock mutex() around everything; lock order: after the index
class Partition {
  public:
    Partition(HeadMemory& memory, BlockPool& pool)
        : memory_(memory), slab_(pool), closed_(memory) {}

    ~Partition();
    Partition(const Partition&) = delete;
    Partition& operator=(const Partition&) = delete;

    [[nodiscard]] base::Mutex& mutex() RETURN_CAPABILITY(mutex_) { return mutex_; }

    // A new record, behind the one created before it.
    [[nodiscard]] SeriesRecord* create(uint64_t ref, LabelsRef labels) REQUIRES_LOCK(mutex_);

    // Appends a sample that admit() let in. returns  chunks begun (0 or 1)
    uint32_t append(SeriesRecord& series, int64_t t, uint64_t bits, const ChunkRules& rules)
        REQUIRES_LOCK(mutex_);

  private:
    static constexpr size_t kRecordsPerBlock = 512;  // 32 KiB

    void open_chunk(SeriesRecord& series, int64_t t, const ChunkRules& rules) REQUIRES_LOCK(mutex_);
    void close_chunk(SeriesRecord& series) REQUIRES_LOCK(mutex_);
    void append_over_segments(SeriesRecord& series, int64_t t, uint64_t bits) REQUIRES_LOCK(mutex_);

    HeadMemory& memory_;
    base::Mutex mutex_;
    ChunkSlab slab_ GUARDED_BY(mutex_);
    ClosedChunks closed_ GUARDED_BY(mutex_);
    std::vector<SeriesRecord*> blocks_ GUARDED_BY(mutex_);
    size_t used_ GUARDED_BY(mutex_) = kRecordsPerBlock;  // records of the last block
};

}  // namespace tsdb

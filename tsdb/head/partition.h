// Series that are scraped together: their records, open and closed chunks, and the one lock that
// guards them.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/sync.h"
#include "tsdb/head/chunk_slab.h"
#include "tsdb/head/closed_chunks.h"
#include "tsdb/head/place_lists.h"
#include "tsdb/head/series.h"

namespace tsdb {

// When chunks are cut: Prometheus' rules (3.2).
struct ChunkRules {
    static constexpr size_t kBytesMax =
        1024;  // a chunk is cut before its next sample could pass it
    static constexpr size_t kHistogramBytes = 1024;  // aimed at; twice as many are never passed …
    static constexpr uint16_t kHistogramSamplesMin = 10;  // … by a chunk of so many samples

    uint32_t samples = 120;                 // aimed at; twice as many are never passed
    int64_t range_ms = 2 * 60 * 60 * 1000;  // no chunk crosses a multiple of it
};

// The end of the aligned range that holds t.
[[nodiscard]] constexpr int64_t range_end(int64_t t, int64_t width) {
    const int64_t start = t - (t % width + (t % width < 0 ? width : 0));
    return start > INT64_MAX - width ? INT64_MAX : start + width;
}

// A series' oldest closed chunk on its way into a file.
struct FilingChunk {
    SeriesRecord* series = nullptr;
    const ClosedChunk* chunk = nullptr;
    ChunkPlace place = 0;
};

//   threads  lock mutex() around everything; lock order: after the index
class Partition {
  public:
    Partition(HeadMemory& memory, BlockPool& pool)
        : memory_(memory), slab_(pool), closed_(memory), places_(memory) {}

    ~Partition();
    Partition(const Partition&) = delete;
    Partition& operator=(const Partition&) = delete;

    [[nodiscard]] base::Mutex& mutex() RETURN_CAPABILITY(mutex_) { return mutex_; }

    // A new record, in the place of one given back or behind the one created before it.
    [[nodiscard]] SeriesRecord* create(uint64_t ref) REQUIRES_LOCK(mutex_);
    // Drops the series' chunks. The record stays as it is, without samples, until recycle().
    //   returns  chunks dropped
    uint32_t empty(SeriesRecord& series) REQUIRES_LOCK(mutex_);
    // Gives the record of an emptied series back.
    void recycle(SeriesRecord& series) REQUIRES_LOCK(mutex_);

    // Gives memory of chunks back, when most of it is free.
    void trim() REQUIRES_LOCK(mutex_) { slab_.trim(); }

    // Appends a sample that admit() let in. returns  chunks begun (0 or 1)
    uint32_t append(SeriesRecord& series, int64_t t, uint64_t bits, const ChunkRules& rules)
        REQUIRES_LOCK(mutex_);
    template <class AnyHistogram>
    uint32_t append_histogram(SeriesRecord& series,
                              int64_t t,
                              const AnyHistogram& histogram,
                              const ChunkRules& rules) REQUIRES_LOCK(mutex_);

    // Chunks that wait for a file, each series' from the oldest on.
    void list_closed(std::vector<FilingChunk>& out) const REQUIRES_LOCK(mutex_);

    // Bytes of them.
    [[nodiscard]] size_t closed_bytes() const REQUIRES_LOCK(mutex_) { return closed_bytes_; }

    // The series' oldest closed chunks are in files: their memory goes. In the order of
    // list_closed(); the first ones of it.
    void filed(std::vector<FilingChunk>::const_iterator from,
               std::vector<FilingChunk>::const_iterator to) REQUIRES_LOCK(mutex_);

    [[nodiscard]] std::span<const ChunkPlace> places(const SeriesRecord& series) const
        REQUIRES_LOCK(mutex_) {
        return places_.get(series.places);
    }

    // A chunk known from a file, later than all of the series so far.
    [[nodiscard]] bool add_place(SeriesRecord& series, ChunkPlace place) REQUIRES_LOCK(mutex_) {
        return places_.add(series.places, place);
    }

    // Takes away the series' chunks that lie in files which are gone.
    //   alive    whether a place still is one
    //   returns  how many
    template <class Alive>
    uint32_t drop_places(SeriesRecord& series, const Alive& alive) REQUIRES_LOCK(mutex_) {
        size_t gone = 0;
        for (const ChunkPlace place : places_.get(series.places)) {
            if (alive(place)) {
                break;
            }
            ++gone;
        }
        places_.drop_first(series.places, gone);
        return static_cast<uint32_t>(gone);
    }

    // Every record but free ones.
    template <class Visit>
    void each(const Visit& visit) REQUIRES_LOCK(mutex_) {
        for (size_t block = 0; block < blocks_.size(); ++block) {
            const size_t count = block + 1 < blocks_.size() ? kRecordsPerBlock : used_;
            for (size_t i = 0; i < count; ++i) {
                if (!blocks_[block][i].is(SeriesRecord::kFree)) {
                    visit(blocks_[block][i]);
                }
            }
        }
    }

  private:
    static constexpr size_t kRecordsPerBlock = 512;  // 32 KiB

    void open_chunk(SeriesRecord& series, int64_t t, const ChunkRules& rules) REQUIRES_LOCK(mutex_);
    void close_chunk(SeriesRecord& series) REQUIRES_LOCK(mutex_);
    void close_histograms(SeriesRecord& series) REQUIRES_LOCK(mutex_);
    void add_closed(SeriesRecord& series, model::Encoding encoding, std::span<const uint8_t> bytes)
        REQUIRES_LOCK(mutex_);
    void free_histograms(SeriesRecord& series) REQUIRES_LOCK(mutex_);
    template <class AnyHistogram>
    void begin_histograms(SeriesRecord& series,
                          int64_t t,
                          const AnyHistogram& histogram,
                          model::ChunkReset reset,
                          const ChunkRules& rules) REQUIRES_LOCK(mutex_);
    void account(OpenHistograms& open) REQUIRES_LOCK(mutex_);
    void append_over_segments(SeriesRecord& series, int64_t t, uint64_t bits) REQUIRES_LOCK(mutex_);

    HeadMemory& memory_;
    base::Mutex mutex_;
    ChunkSlab slab_ GUARDED_BY(mutex_);
    ClosedChunks closed_ GUARDED_BY(mutex_);
    PlaceLists places_ GUARDED_BY(mutex_);
    std::vector<SeriesRecord*> waiting_ GUARDED_BY(mutex_);  // series with closed chunks
    size_t closed_bytes_ GUARDED_BY(mutex_) = 0;
    std::vector<SeriesRecord*> blocks_ GUARDED_BY(mutex_);
    size_t used_ GUARDED_BY(mutex_) = kRecordsPerBlock;  // records of the last block
    SeriesRecord* free_ GUARDED_BY(mutex_) = nullptr;
};

}  // namespace tsdb

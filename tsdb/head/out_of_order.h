// Samples that came late: older than their series' newest, kept apart from it until they are cut
// into blocks of their own.
// source: Prometheus 3.14 (3.2)
#pragma once

#include <array>
#include <atomic>
#include <bitset>
#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "base/sync.h"
#include "model/chunk_codec.h"
#include "tsdb/head/chunk_files.h"
#include "tsdb/head/memory.h"

namespace tsdb {

// A complete chunk of late samples. Those of one series may overlap.
struct LateChunk {
    int64_t min_t = 0;
    int64_t max_t = 0;     // inclusive
    uint64_t ref = 0;      // of its series, as the file knows it
    ChunkPlace place = 0;  // in the chunk files, when nothing is held
    std::shared_ptr<const model::EncodedChunk> held;
};

// What is known of one series; copied out.
struct LateSeries {
    uint64_t ref = 0;
    std::vector<LateChunk> chunks;         // in the order they were made
    std::vector<model::TypedSample> open;  // by time
};

// A chunk that was written to a file.
struct FiledLateChunk {
    uint32_t slot = 0;
    uint64_t ref = 0;
    ChunkPlace place = 0;
};

// By slot: a sorted array of up to kOpenSamples samples, and complete chunks. A series costs
// nothing until it has such a sample.
//   threads   what changes something: one at a time (the log's thread); what reads: any
//   lifetime  of the head's memory
class OutOfOrderStore {
  public:
    static constexpr size_t kOpenSamples = 32;
    static constexpr size_t kFiledAtOnce = 4096;

    explicit OutOfOrderStore(HeadMemory& memory) : memory_(memory) {}

    ~OutOfOrderStore();
    OutOfOrderStore(const OutOfOrderStore&) = delete;
    OutOfOrderStore& operator=(const OutOfOrderStore&) = delete;

    // What the open array says to a sample: a time that it has already is either the same sample or
    // a duplicate. Times in complete chunks are not looked at.
    enum class Meets : uint8_t { kNothing, kSame, kDuplicate };
    [[nodiscard]] Meets look(uint32_t slot, const model::TypedSample& sample) const;
    [[nodiscard]] size_t open_samples(uint32_t slot) const;

    // Puts the sample in its place in the array, which is closed before when it is full.
    //   returns  kNothing: it is stored
    Meets insert(uint32_t slot, uint64_t ref, model::TypedSample sample);

    // Makes chunks of the open array; they are held in memory until file_held().
    void close(uint32_t slot);
    // Forgets the open array: what was in it is known from elsewhere.
    void forget_open(uint32_t slot);

    // Writes held chunks to the files and flushes them: those of the kFiledAtOnce series that
    // were closed last.
    //   filed   what was written, in the order of each series
    //   errors  as ChunkFiles: nothing has changed, the chunks are held on
    [[nodiscard]] base::Status file_held(ChunkFiles& files, std::vector<FiledLateChunk>& filed);

    // A chunk that lies in a file.
    void restore(uint32_t slot, uint64_t ref, LateChunk chunk);

    // Chunks a series has now.
    [[nodiscard]] size_t chunks(uint32_t slot) const;
    // Forgets the first `count` chunks of a series. returns  whether nothing of it is left
    [[nodiscard]] bool drop(uint32_t slot, size_t count);
    // Looks anew for the oldest and the newest sample.
    void refresh_times();

    // -----------------------------------------------------------------------------------------
    // For readers

    // The series' chunks and samples in [min_t, max_t]; `out` is replaced.
    //   returns  whether there are any
    bool read(uint32_t slot, int64_t min_t, int64_t max_t, LateSeries& out) const;
    // Of series that have samples, ascending.
    [[nodiscard]] std::vector<uint32_t> slots() const;

    [[nodiscard]] uint64_t series() const { return series_.load(std::memory_order_relaxed); }

    [[nodiscard]] int64_t min_time() const { return min_t_.load(std::memory_order_acquire); }

    [[nodiscard]] int64_t max_time() const { return max_t_.load(std::memory_order_acquire); }

    [[nodiscard]] bool overlaps(int64_t min_t, int64_t max_t) const {
        return series() != 0 && min_time() <= max_t && max_time() >= min_t;
    }

    // Chunk files that have chunks of the store, by number modulo kFilesMax. On the log's thread.
    [[nodiscard]] std::bitset<ChunkFiles::kFilesMax> files_in_use() const;

  private:
    static constexpr size_t kShards = 64;

    struct Series {
        LateSeries has;
        size_t accounted = 0;  // bytes, as told to the head's memory
    };

    struct Shard {
        mutable base::Mutex mutex;
        std::unordered_map<uint32_t, Series> series GUARDED_BY(mutex);
    };

    [[nodiscard]] const Shard& shard_of(uint32_t slot) const { return shards_[slot % kShards]; }

    [[nodiscard]] Shard& shard_of(uint32_t slot) { return shards_[slot % kShards]; }

    [[nodiscard]] base::Status place_held(ChunkFiles& files,
                                          std::span<const uint32_t> slots,
                                          std::vector<FiledLateChunk>& placed);
    void note_places(std::span<const FiledLateChunk> placed);
    [[nodiscard]] Series& find_or_add(Shard& shard, uint32_t slot, uint64_t ref)
        REQUIRES_LOCK(shard.mutex);
    void close_series(uint32_t slot, Series& series);
    void account(Series& series);
    void extend(int64_t min_t, int64_t max_t);
    void let_place_go(const LateChunk& chunk);

    HeadMemory& memory_;
    std::array<Shard, kShards> shards_;
    // Slots with held chunks, those closed last behind the others; some come twice, or have none
    // any more. Of the log's thread, as is the next.
    std::vector<uint32_t> waiting_;
    std::array<uint32_t, ChunkFiles::kFilesMax> places_{};  // chunks in files, by file
    std::atomic<uint64_t> series_{0};
    std::atomic<int64_t> min_t_{INT64_MAX};
    std::atomic<int64_t> max_t_{INT64_MIN};
};

}  // namespace tsdb

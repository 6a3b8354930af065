// The chunks and labels of selected series, in batches.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/budget.h"
#include "model/storage.h"
#include "tsdb/head/head.h"

namespace tsdb {

// Copies open chunks under the partition's lock, at most kBatchSeries of them per hold; closed
// chunks and those in files stay where they are and are pinned. Threads: one.
class SeriesStream final : public model::SeriesSet {
  public:
    static constexpr size_t kBatchSeries = 256;

    struct Options {
        int64_t min_t = model::kMinTime;
        int64_t max_t = model::kMaxTime;
        int64_t from = INT64_MIN;  // older samples are not given, whatever chunk they are in
        bool skip_chunks = false;
        uint64_t limit = 0;  // series; 0: none
        uint32_t source = 0;
    };

    // slots    in the order in which the series shall come
    // context  copied; what it points to outlives the stream
    // pin      keeps the head from giving the series' memory away; in every batch
    SeriesStream(const Head& head,
                 std::vector<uint32_t> slots,
                 const Options& options,
                 const model::QueryContext& context,
                 std::shared_ptr<const void> pin);

    [[nodiscard]] base::Result<bool> next(model::SeriesBatch& batch) override;

  private:
    // A chunk of a series on its way into a batch.
    struct Entry {
        uint32_t slot = 0;
        SlotEntry series;
        uint64_t ref = 0;
        std::span<const model::ChunkView> in_memory;  // by min_t
        std::span<const ChunkPlace> in_files;         // older ones
        std::span<const model::ChunkView> chunks;     // both
        std::span<const block::Interval> deleted;
        bool files_matter = false;  // they may hold samples in range
        bool wanted = false;
    };

    // The next series, with what is in memory of them: the lines that it lies in are asked for side
    // by side, because each is somewhere else.
    void read_entries(size_t count, model::SeriesBatch& batch);
    // All of one partition.
    void read_group(std::span<Entry* const> group, model::SeriesBatch& batch);
    void read_memory(Entry& entry, model::SeriesBatch& batch);
    [[nodiscard]] base::Status read_files(Entry& entry, model::SeriesBatch& batch);
    // Codes again what is deleted in part, and what begins before options_.from.
    [[nodiscard]] base::Status cut_deleted(Entry& entry, model::SeriesBatch& batch);

    [[nodiscard]] bool in_range(int64_t min_t, int64_t max_t) const {
        return min_t <= options_.max_t && max_t >= options_.min_t;
    }

    // Whether a chunk may hold samples that are asked for.
    [[nodiscard]] bool is_asked(const Entry& entry, int64_t min_t, int64_t max_t) const {
        return in_range(min_t, max_t) &&
               (entry.deleted.empty() || !block::covers(entry.deleted, min_t, max_t));
    }

    // Whether some of its samples are from before options_.from. A head is cut where chunks end, so
    // this is rare: blocks from elsewhere, another block duration.
    [[nodiscard]] bool begins_too_early(const Entry& entry) const {
        return !entry.chunks.empty() && entry.chunks.front().min_t < options_.from &&
               options_.min_t <= options_.from;
    }

    void pin(const ClosedChunk* chunk, model::SeriesBatch& batch);
    [[nodiscard]] std::span<const model::LabelSymbols> labels_of(uint32_t slot,
                                                                 model::SeriesBatch& batch) const;

    const Head& head_;
    const std::vector<uint32_t> slots_;
    const Options options_;
    const model::QueryContext context_;
    const std::shared_ptr<const void> pin_;
    const std::shared_ptr<const DeletedStretches> deleted_;  // mostly null
    base::Reservation reservation_;
    size_t at_ = 0;
    uint64_t given_ = 0;
    const void* pinned_ = nullptr;       // the block pinned last
    const void* pinned_file_ = nullptr;  // the chunk file pinned last
    std::vector<Entry> entries_;
    std::vector<Entry*> by_partition_;
    std::vector<model::ChunkView> chunks_;  // of one series, newest first
};

}  // namespace tsdb

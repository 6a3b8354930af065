// The chunks and labels of selected series, in batches.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/budget.h"
#include "model/storage.h"
#include "tsdb/head/head.h"

namespace tsdb {

// Copies open chunks under the partition's lock, at most kLockedSeries of them per hold; closed
// chunks and those in files stay where they are and are pinned. Threads: one.
class SeriesStream final : public model::SeriesSet {
  public:
    // Of these those that are scraped together are read together: they lie side by side.
    static constexpr size_t kBatchSeries = 1024;
    // Batches behind one with more bytes than this have half as many series, down to kLockedSeries.
    static constexpr size_t kBatchBytes = size_t{1} << 20;
    static constexpr size_t kLockedSeries = 256;

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
    // A series on its way into a batch.
    struct Entry {
        uint32_t slot = 0;
        SlotEntry series;
        uint64_t ref = 0;
        std::span<model::ChunkView> room;      // for all chunks there are, filled from its end
        size_t first = 0;                      // of those that were put there
        std::span<const ChunkPlace> in_files;  // older ones that may have samples in range
        std::span<const block::Interval> deleted;
        std::span<const model::LabelSymbols> labels;
        bool wanted = false;

        [[nodiscard]] std::span<const model::ChunkView> chunks() const {
            return room.subspan(first);
        }
    };

    // Pinned by the batch.
    struct OpenFile {
        uint32_t number = 0;  // by place_file()
        const ChunkFile* file = nullptr;
    };

    // The next series, with everything that they have. Partition by partition, whatever the order
    // that they come in.
    [[nodiscard]] base::Status read_entries(size_t count, model::SeriesBatch& batch);
    void find_entries(size_t count);
    void list_by_partition();
    // What is in memory of some of one partition: the lines that it lies in are asked for side by
    // side, because each is somewhere else.
    void read_group(std::span<Entry* const> group, model::SeriesBatch& batch);
    void read_memory(Entry& entry, std::span<const ChunkPlace> places, model::SeriesBatch& batch);
    void put_open(Entry& entry, model::SeriesBatch& batch) const;
    [[nodiscard]] base::Status read_files(Entry& entry, model::SeriesBatch& batch);
    [[nodiscard]] const ChunkFile* file_of(ChunkPlace place, model::SeriesBatch& batch);
    // Codes again what is deleted in part, and what begins before options_.from.
    [[nodiscard]] base::Status cut_deleted(Entry& entry, model::SeriesBatch& batch);

    void put(Entry& entry,
             model::Encoding encoding,
             std::span<const uint8_t> bytes,
             int64_t min_t,
             int64_t max_t) const {
        entry.room[--entry.first] = {.encoding = encoding,
                                     .source = options_.source,
                                     .bytes = bytes,
                                     .min_t = min_t,
                                     .max_t = max_t};
    }

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
        return !entry.chunks().empty() && entry.chunks().front().min_t < options_.from &&
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
    size_t batch_series_ = kBatchSeries;
    uint64_t given_ = 0;
    // Of the batch:
    const void* pinned_ = nullptr;  // the block pinned last
    std::vector<OpenFile> files_;
    std::vector<Entry> entries_;            // in the order of slots_
    std::vector<Entry*> by_partition_;      // those that are there
    std::vector<model::ChunkView> chunks_;  // scratch
};

}  // namespace tsdb

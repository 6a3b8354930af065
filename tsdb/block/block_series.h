// Selected series of a block, in batches.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/budget.h"
#include "model/storage.h"
#include "tsdb/block/block.h"

namespace tsdb::block {

// Labels are symbols of the block's index, chunks lie in its mapped files; every batch holds the
// block. Damage fails next(), naming the block, and is reported to it. Threads: one.
class BlockSeries final : public model::SeriesSet {
  public:
    static constexpr size_t kBatchSeries = 256;
    // The first batch is smaller, so that who shares the work can begin sooner.
    static constexpr size_t kFirstBatchSeries = 64;

    struct Options {
        int64_t min_t = model::kMinTime;
        int64_t max_t = model::kMaxTime;
        bool skip_chunks = false;
        uint64_t limit = 0;  // series; 0: none
        uint32_t source = 0;
        uint32_t shard_index = 0;
        uint32_t shard_count = 0;  // 0: all
    };

    // ids      in the order in which the series shall come
    // context  copied; what it points to outlives the set
    BlockSeries(std::shared_ptr<const Block> block,
                std::vector<SeriesId> ids,
                const Options& options,
                const model::QueryContext& context);

    [[nodiscard]] base::Result<bool> next(model::SeriesBatch& batch) override;

  private:
    // What the index says of a series.
    struct Entry {
        SeriesId id = 0;
        std::vector<model::LabelSymbols> labels;
        std::vector<ChunkMeta> metas;
    };

    // Series whose entries are read before their chunks, which are on their way meanwhile.
    static constexpr size_t kAhead = 16;

    [[nodiscard]] base::Status fill(model::SeriesBatch& batch);
    // Reads the entries of the next series, at most so many, into entries_; returns how many.
    [[nodiscard]] base::Result<size_t> read_entries(size_t most);
    [[nodiscard]] base::Status add_series(const Entry& entry, model::SeriesBatch& batch);
    // Puts the series' chunks into chunks_; returns whether it has any.
    [[nodiscard]] base::Result<bool> read_chunks(const Entry& entry, model::SeriesBatch& batch);
    [[nodiscard]] bool in_range(const ChunkMeta& meta) const;
    [[nodiscard]] base::Status read_chunk(const ChunkMeta& meta,
                                          std::span<const Interval> deleted,
                                          model::SeriesBatch& batch);
    [[nodiscard]] std::span<const Interval> deleted(SeriesId id) const;
    [[nodiscard]] bool in_shard(const Entry& entry) const;

    const std::shared_ptr<const Block> block_;
    const std::shared_ptr<const model::SymbolTable> symbols_;  // the block's index
    const std::vector<SeriesId> ids_;
    const Options options_;
    const model::QueryContext context_;
    base::Reservation reservation_;
    size_t batch_series_ = kFirstBatchSeries;
    size_t at_ = 0;
    uint64_t given_ = 0;
    std::array<Entry, kAhead> entries_;     // of the series being read
    std::vector<model::ChunkView> chunks_;  // of one of them
};

}  // namespace tsdb::block

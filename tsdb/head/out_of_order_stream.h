// The late samples of selected series, in batches.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/budget.h"
#include "model/chunk_codec.h"
#include "model/storage.h"
#include "tsdb/head/head.h"

namespace tsdb {

// Chunks in files stay where they are and are pinned; what is in memory, and chunks that overlap,
// are coded into the batch: a sample's later version wins. Threads: one.
class OutOfOrderStream final : public model::SeriesSet {
  public:
    static constexpr size_t kBatchSeries = 256;

    struct Options {
        int64_t min_t = model::kMinTime;
        int64_t max_t = model::kMaxTime;
        bool skip_chunks = false;
        uint64_t limit = 0;   // series; 0: none
        uint32_t source = 0;  // for ChunkView::source
        size_t samples_per_chunk = 120;
        // When set, chunks that cannot be read are counted here and left out; otherwise the read
        // fails.
        uint64_t* damaged = nullptr;
    };

    // slots    in the order in which the series shall come
    // context  copied; what it points to outlives the stream
    // pin      keeps the head from giving the series' memory away; in every batch
    OutOfOrderStream(const Head& head,
                     std::vector<uint32_t> slots,
                     const Options& options,
                     const model::QueryContext& context,
                     std::shared_ptr<const void> pin);

    [[nodiscard]] base::Result<bool> next(model::SeriesBatch& batch) override;

  private:
    // A chunk, and which of two that hold the same time is to be believed: the later one.
    struct Ranked {
        model::ChunkView chunk;
        size_t rank = 0;
    };

    [[nodiscard]] base::Status give(uint32_t slot, model::SeriesBatch& batch);
    [[nodiscard]] base::Status collect(model::SeriesBatch& batch);
    [[nodiscard]] base::Status collect_filed(const LateChunk& chunk, model::SeriesBatch& batch);
    void collect_open(model::SeriesBatch& batch);
    [[nodiscard]] base::Status join(model::SeriesBatch& batch);
    [[nodiscard]] base::Status merge(std::span<const Ranked> run, model::SeriesBatch& batch);
    void add(const model::EncodedChunk& chunk, model::SeriesBatch& batch);

    const Head& head_;
    const std::vector<uint32_t> slots_;
    const Options options_;
    const model::QueryContext context_;
    const std::shared_ptr<const void> pin_;
    base::Reservation reservation_;
    size_t at_ = 0;
    uint64_t given_ = 0;
    LateSeries series_;
    std::vector<Ranked> ranked_;
    std::vector<model::ChunkView> chunks_;
    std::vector<model::EncodedChunk> encoded_;
};

}  // namespace tsdb

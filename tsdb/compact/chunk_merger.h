// One series' chunks out of several blocks, made into chunks that do not overlap.
// source: Prometheus 3.14, merge semantics (3.4)
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "model/chunk_codec.h"
#include "tsdb/block/block.h"
#include "tsdb/block/tombstones.h"
#include "tsdb/block/writer.h"

namespace tsdb {

// Used for one series after the other: begin(), add() for each block, finish(). Chunks that nothing
// touches keep their bytes; identical ones come once. Chunks that overlap are decoded, merged and
// coded again, those of which a part is deleted too. Of several samples at one time that of the
// chunk that begins first counts, which is how queries choose; of chunks that begin together, that
// of the block added first. Where samples come from another chunk than the one before, a
// histogram's counter-reset hint becomes unknown.
//   threads  one; the blocks outlive finish()'s chunks
class ChunkMerger {
  public:
    // Both inclusive: what lies outside is dropped.
    ChunkMerger(int64_t min_t, int64_t max_t, uint32_t samples_per_chunk);

    void begin();
    //   deleted  stretches of this series in this block
    //   errors   kCorrupt, naming the block
    [[nodiscard]] base::Status add(const block::Block& block,
                                   std::span<const block::ChunkMeta> chunks,
                                   std::span<const block::Interval> deleted);
    // The series' chunks, by time, not overlapping; empty when nothing is left. Valid until
    // begin().
    //   errors  kCorrupt, naming the block
    [[nodiscard]] base::Result<std::span<const block::ChunkInput>> finish();

  private:
    // A chunk as it lies in a block, or, when a part of it is deleted, the samples that are left.
    struct Piece {
        const block::Block* block = nullptr;
        uint32_t rank = 0;  // of the block, in the order of add()
        block::ChunkInput chunk;
        uint32_t first_sample = 0;  // in cut_samples_
        uint32_t samples = 0;       // 0: the chunk is whole
        bool duplicate = false;
    };

    [[nodiscard]] base::Status add_cut(Piece piece, std::span<const block::Interval> deleted);
    void order_pieces();
    void mark_duplicates();
    [[nodiscard]] base::Status merge(std::span<const Piece> cluster);
    [[nodiscard]] base::Status decode(const Piece& piece);
    void choose_samples();
    void emit_whole(const Piece& piece);
    void emit_samples(std::span<const model::TypedSample> samples);

    const int64_t min_t_;
    const int64_t max_t_;
    const uint32_t samples_per_chunk_;
    uint32_t ranks_ = 0;
    std::vector<Piece> pieces_;
    std::vector<model::TypedSample> cut_samples_;
    // Of the cluster that is merged: all samples, chunk by chunk, which chunk each is of, and the
    // ones chosen.
    std::vector<model::TypedSample> decoded_;
    std::vector<uint32_t> chunk_of_;
    std::vector<uint32_t> order_;
    std::vector<model::TypedSample> chosen_;
    std::vector<model::EncodedChunk> encoded_;
    std::vector<size_t> place_of_;        // of each in out_
    std::vector<block::ChunkInput> out_;  // those coded again get their bytes in finish()
};

}  // namespace tsdb

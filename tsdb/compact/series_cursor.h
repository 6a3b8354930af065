// The series of one block in the order of their labels, with symbols as a new block numbers them.
#pragma once

#include <compare>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "model/storage.h"
#include "tsdb/block/block.h"

namespace tsdb {

// Orders label sets as their texts do; numbers must sort as the texts (symbol_union.h).
[[nodiscard]] std::strong_ordering compare_labels(std::span<const model::LabelSymbols> left,
                                                  std::span<const model::LabelSymbols> right);

// Threads: one. Block and numbers outlive it.
class SeriesCursor {
  public:
    SeriesCursor(const block::Block& block, std::span<const uint32_t> numbers);

    // Goes to the first series, then to the next one; at_end() when there is none.
    //   errors  kCorrupt, naming the block; labels or series out of order are damage too
    [[nodiscard]] base::Status next();

    [[nodiscard]] bool at_end() const { return at_end_; }

    // Of the present series; valid until next().
    [[nodiscard]] std::span<const model::LabelSymbols> labels() const { return labels_; }

    [[nodiscard]] std::span<const block::ChunkMeta> chunks() const { return chunks_; }

    // What is deleted of it.
    [[nodiscard]] std::span<const block::Interval> deleted() const { return deleted_; }

    [[nodiscard]] const block::Block& block() const { return block_; }

  private:
    [[nodiscard]] base::Status load(block::SeriesId id);
    [[nodiscard]] base::Status renumber();
    void find_deleted(block::SeriesId id);

    const block::Block& block_;
    const std::span<const uint32_t> numbers_;
    block::PostingsView postings_;
    block::Tombstones::const_iterator tombstone_;
    size_t position_ = 0;
    bool begun_ = false;
    bool at_end_ = false;
    std::vector<model::LabelSymbols> labels_;
    std::vector<model::LabelSymbols> previous_;
    std::vector<block::ChunkMeta> chunks_;
    std::span<const block::Interval> deleted_;
};

}  // namespace tsdb

// Which blocks to compact, and which to let go: decisions over meta.json alone, without any file.
// source: Prometheus 3.14, levelled compaction and retention (3.4, 3.5)
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tsdb/block/meta.h"

namespace tsdb {

struct PlannedBlock {
    block::BlockMeta meta;
    uint64_t bytes = 0;
};

// Widths of blocks, ascending: each three times the one before, from min_block on, none beyond
// max_block. 2 h and 31 d give 2 h, 6 h, 18 h, 54 h, 162 h, 486 h.
[[nodiscard]] std::vector<int64_t> block_ranges(int64_t min_block_ms, int64_t max_block_ms);

struct Plan {
    std::vector<block::Ulid> blocks;  // by min_t; empty: nothing to do
    bool overlapping = false;         // samples must be merged
};

// The next compaction: overlapping blocks first, then groups that fill a range, then single blocks
// with many tombstones. Blocks made out of stale or selected series are planned apart.
//   excluded  blocks that must wait (not uploaded yet)
[[nodiscard]] Plan plan_compaction(std::span<const PlannedBlock> blocks,
                                   std::span<const int64_t> ranges,
                                   std::span<const block::Ulid> excluded);

struct RetentionLimits {
    int64_t duration_ms = 0;  // 0: none
    uint64_t bytes = 0;       // 0: none; head_bytes counts too
    uint64_t head_bytes = 0;
};

struct Expired {
    std::vector<block::Ulid> by_time;
    std::vector<block::Ulid> by_size;  // not among by_time
};

[[nodiscard]] Expired beyond_retention(std::span<const PlannedBlock> blocks,
                                       const RetentionLimits& limits);

// Blocks that another block has been made of, and blocks marked deletable.
[[nodiscard]] std::vector<block::Ulid> superseded(std::span<const PlannedBlock> blocks);

}  // namespace tsdb

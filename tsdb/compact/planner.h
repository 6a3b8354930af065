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

// Blocks are at most this many steps of three wider than the smallest.
inline constexpr size_t kBlockRangesMax = 10;

// Widths of blocks, ascending: each three times the one before, from min_block on, none beyond
// max_block. 2 h and 31 d give 2 h, 6 h, 18 h, 54 h, 162 h, 486 h.
//   min_block_ms  at least 1
//   max_block_ms  less than min_block_ms counts as min_block_ms
[[nodiscard]] std::vector<int64_t> block_ranges(int64_t min_block_ms, int64_t max_block_ms);

struct Plan {
    std::vector<block::Ulid> blocks;  // by min_t; empty: nothing to do
    bool overlapping = false;         // samples must be merged
};

// The next compaction: overlapping blocks first, then groups that fill a range, then single blocks
// with many tombstones. Blocks made out of stale or selected series are planned apart, behind the
// others. The newest block of each kind only takes part in overlaps, so that there is a block's
// time to back it up as it was written.
//   blocks    no ULID twice
//   ranges    of block_ranges()
//   excluded  blocks that must wait (not uploaded yet). Blocks created after one of them wait too:
//             compacting around it would leave a lone block between wider ones.
//   merging   whether blocks are merged because they overlap
[[nodiscard]] Plan plan_compaction(std::span<const PlannedBlock> blocks,
                                   std::span<const int64_t> ranges,
                                   std::span<const block::Ulid> excluded,
                                   bool merging = true);

struct RetentionLimits {
    int64_t duration_ms = 0;  // 0: none
    uint64_t bytes = 0;       // 0: none; head_bytes counts too
    uint64_t head_bytes = 0;
    int64_t present_t = INT64_MAX;  // ms; a block that begins later is of the future
};

struct Expired {
    std::vector<block::Ulid> by_time;
    std::vector<block::Ulid> by_size;  // not among by_time
};

// Blocks to delete, newest first. A block's age is how far its end lies before that of the
// newest one that is not of the future: a server that was off for a month keeps its data, and so
// does one with a block of the next century. The sizes of the blocks are added up from the
// newest on, after head_bytes; the first that goes beyond the limit goes, and all that are older.
//   blocks  those that stay: without superseded ones
[[nodiscard]] Expired beyond_retention(std::span<const PlannedBlock> blocks,
                                       const RetentionLimits& limits);

// Of `blocks`, those that another one has been made of, and those marked deletable.
[[nodiscard]] std::vector<block::Ulid> superseded(std::span<const PlannedBlock> blocks);

}  // namespace tsdb

// The posting lists of an index being written, gathered from the series written before.
// source: docs/formats/block.md, after Prometheus 3.14
#pragma once

#include <cstdint>
#include <vector>

#include "base/byte_view.h"
#include "base/memory_reserve.h"
#include "base/result.h"
#include "tsdb/block/block_file.h"
#include "tsdb/block/pair_counts.h"

namespace tsdb::block {

// Bytes of a posting list in the file.
[[nodiscard]] uint64_t posting_list_bytes(uint64_t series);

// The series section of an index, read back.
struct SeriesSection {
    base::ByteView index;  // the file up to the section's end, or more
    uint64_t from = 0;     // of the first entry
    uint64_t end = 0;
    uint64_t series = 0;
};

// What lists may be gathered in.
struct PostingsMemory {
    uint64_t bytes = 0;                    // at most
    base::MemoryReserve* taken = nullptr;  // counts them; null: nobody does
};

// Writes the list of all series and then that of every pair in their order, one behind the other.
// As many lists as fit `memory` are gathered in one pass over the series; a longer one is
// written as it is read.
//   pairs    counted from the same series; their `next` are used up
//   keys     all of them, sorted
//   errors   kCorrupt: the series read back are not those written; those of `out`
[[nodiscard]] base::Status write_postings(const SeriesSection& section,
                                          PairCounts& pairs,
                                          const std::vector<PairKey>& keys,
                                          PostingsMemory memory,
                                          BlockFile& out);

}  // namespace tsdb::block

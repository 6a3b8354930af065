// Deleting series for a stretch of time: marked at once, gone from the disk when blocks are
// written anew. source: Prometheus 3.14 (3.5)
#pragma once

#include <cstdint>
#include <span>
#include <stop_token>

#include "base/file.h"
#include "base/result.h"
#include "model/matcher.h"
#include "tsdb/block_keeper.h"
#include "tsdb/committer.h"
#include "tsdb/head/head.h"
#include "tsdb/view.h"
#include "tsdb/wal/writer.h"

namespace tsdb {

// What to delete: samples of [min_t, max_t], both inclusive, of the series that all matchers match;
// without matchers: of all.
struct Deletion {
    int64_t min_t = INT64_MIN;  // ms
    int64_t max_t = INT64_MAX;
    std::span<const model::Matcher> matchers;
};

// Slots that one job on the log's thread goes over.
inline constexpr size_t kDeletionSlotsPerJob = 8192;

// Adds tombstones to the blocks that hold some of it, and shows the blocks so changed.
//   threads  while nothing is cut or compacted
//   errors   kCorrupt, naming the block, which is told too; kIo, kNoSpace; kCanceled. Blocks before
//            the one it failed for are changed; doing it again is harmless.
[[nodiscard]] base::Status delete_from_blocks(base::Files& files,
                                              const Views& views,
                                              BlockKeeper& blocks,
                                              const Deletion& deletion,
                                              const std::stop_token& stop);

// The same in the head: logged, on the disk, then seen. Only what the series hold now goes; what
// is appended later stays.
//   errors  kIo, kNoSpace of the log: what was logged before is deleted; kCanceled: stopping
[[nodiscard]] base::Status delete_from_head(Head& head,
                                            wal::Writer& log,
                                            Committer& committer,
                                            const Deletion& deletion,
                                            const std::stop_token& stop);

}  // namespace tsdb

// A copy of the storage's state that costs no room: hard links of the blocks' files, and a block of
// what the head holds. source: Prometheus 3.14 (3.8)
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/file.h"
#include "base/random.h"
#include "base/result.h"
#include "tsdb/head/block_cut.h"
#include "tsdb/view.h"

namespace tsdb {

inline constexpr std::string_view kSnapshotsFolder = "snapshots";

// "20261122T080000Z-0123456789abcdef"
[[nodiscard]] std::string snapshot_name(int64_t now_ms, base::Random& random);

struct SnapshotRequest {
    base::Path data_folder;
    std::string name;
    std::shared_ptr<const View> view;  // its blocks; keeps the head's memory
    std::optional<BlockCut> cut;       // of the head; nothing: it is left out
};

// Writes `<data folder>/snapshots/<name>/`: as a whole or not at all. What an earlier one left
// unfinished is removed.
//   threads  one at a time, while no block is written or deleted
//   errors   of the file system; those of write_head_block()
[[nodiscard]] base::Status write_snapshot(base::Files& files,
                                          const Head& head,
                                          const SnapshotRequest& request,
                                          const std::stop_token& stop);

}  // namespace tsdb

// The list of uploaded blocks that a shipper (Thanos' sidecar, or our own) keeps beside them:
// {"uploaded": ["ULID", …]}. source: --storage.tsdb.delay-compact-file.path of Prometheus 3.14
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "tsdb/compact/planner.h"

namespace tsdb {

// A longer list is not read.
inline constexpr size_t kShipperFileMax = size_t{16} << 20;

struct AwaitingUpload {
    std::vector<block::Ulid> blocks;  // for plan_compaction() to leave alone
    std::string warning;              // to log; empty when the file could be read
};

// Blocks of level 1 that are not in the list: they shall be uploaded as they were written. A file
// that is missing or damaged holds no block back, or a shipper that was taken out of service would
// stop compaction for good.
[[nodiscard]] AwaitingUpload awaiting_upload(base::Files& files,
                                             const base::Path& shipper_file,
                                             std::span<const PlannedBlock> blocks);

}  // namespace tsdb

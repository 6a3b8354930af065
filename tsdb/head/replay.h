// Rebuilding the head from the write-ahead log.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "tsdb/head/head.h"
#include "tsdb/wal/reader.h"
#include "tsdb/wal/record.h"

namespace tsdb {

// Segments, by number: what /api/v1/status/walreplay tells.
struct ReplayProgress {
    uint32_t first = 0;
    uint32_t last = 0;
    uint32_t current = 0;
};

struct ReplayReport {
    uint64_t segments = 0;
    uint64_t bytes = 0;
    uint64_t series = 0;          // new in the head
    uint64_t samples = 0;         // appended
    uint64_t repeated = 0;        // samples that were there, or are older than what is
    uint64_t unknown_refs = 0;    // samples whose series record is missing: lost
    uint64_t malformed = 0;       // records that were whole but make no sense: lost
    uint64_t refused_series = 0;  // series that cannot be kept
    std::array<uint64_t, wal::kRecordTypes> records{};  // by type; [0]: unknown ones
    std::vector<wal::Damage> damages;

    // Records of kinds that the head does not keep.
    [[nodiscard]] uint64_t not_kept() const;
};

// Reads the newest checkpoint, if any, and the segments after it into `head`, which is empty.
// Damage costs what it touches and is reported, not returned. Appends on several threads.
//   progress  called before each segment
//   errors    kIo and others when files cannot be read at all
[[nodiscard]] base::Result<ReplayReport> replay_wal(
    base::Files& files,
    const base::Path& wal_folder,
    Head& head,
    const std::function<void(const ReplayProgress&)>& progress);

}  // namespace tsdb

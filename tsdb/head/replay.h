// Rebuilding the head from the write-ahead log.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "model/metadata.h"
#include "tsdb/head/head.h"
#include "tsdb/head/ref_table.h"
#include "tsdb/head/replay_decoder.h"
#include "tsdb/head/restored_chunks.h"
#include "tsdb/wal/reader.h"
#include "tsdb/wal/record.h"
#include "tsdb/wal/segment_times.h"

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
    uint64_t series = 0;           // new in the head
    uint64_t samples = 0;          // appended
    uint64_t repeated = 0;         // samples that were there, or are older than what is
    uint64_t unknown_refs = 0;     // samples whose series record is missing: lost
    uint64_t malformed = 0;        // records that were whole but make no sense: lost
    uint64_t refused_series = 0;   // series that cannot be kept
    uint64_t exemplars = 0;        // kept
    uint64_t described = 0;        // metrics whose type and help the log holds
    uint64_t in_blocks = 0;        // samples older than the head's beginning
    uint64_t chunks = 0;           // taken over from their files
    uint64_t salvaged_series = 0;  // known only from the series log
    // Refs of series that the head knows by another ref; their records are still needed.
    std::vector<uint64_t> aliases;
    uint64_t tombstones = 0;  // stretches of series in the head that are deleted
    std::array<uint64_t, wal::kRecordTypes> records{};  // by type; [0]: unknown ones
    std::vector<wal::Damage> damages;

    // Records of kinds that the head does not keep.
    [[nodiscard]] uint64_t not_kept() const;
};

struct ReplayInput {
    base::Path wal_folder;
    // Chunks that are in files already; null: none.
    RestoredChunks* chunks = nullptr;
    // Filled with the series; null: nobody asks.
    RefTable<ReplayedSeries>* series = nullptr;
    // Samples before it are in blocks.
    int64_t min_valid_t = INT64_MIN;
    // Labels of a series whose record is lost, by a sample in the segment (of a checkpoint: the
    // last one it covers); empty when nobody knows. May be unset.
    std::function<model::Labels(uint64_t ref, uint32_t segment)> salvage;
    // Takes note of when each segment's newest sample is; null: nobody wants to know.
    wal::SegmentTimes* times = nullptr;
    // Told of what the log says of metrics; null: it is passed over.
    model::MetadataStore* metadata = nullptr;
    // Called before each segment; may be unset.
    std::function<void(const ReplayProgress&)> progress;
};

// Reads the newest checkpoint, if any, and the segments after it into `head`, which is empty.
// Chunks that get full go into the head's files meanwhile. Damage costs what it touches and is
// reported, not returned. Appends on several threads.
//   errors  kIo and others when the folder cannot be read at all
[[nodiscard]] base::Result<ReplayReport> replay_wal(base::Files& files,
                                                    Head& head,
                                                    const ReplayInput& input);

}  // namespace tsdb

// Checkpoints: what is still needed of old segments, so that they can go.
// source: docs/formats/wal.md, after Prometheus 3.14 (3.6)
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "tsdb/options.h"
#include "tsdb/wal/reader.h"

namespace tsdb::wal {

struct CheckpointRequest {
    // Taken in, with the checkpoint before. Older segments that are still there are taken in when
    // that checkpoint does not cover them, or is damaged.
    uint32_t first_segment = 0;
    uint32_t last_segment = 0;
    int64_t min_t = 0;  // samples before it are in blocks
    // Whether a series may still be asked for: it is in the head, or later segments may have
    // samples of it.
    std::function<bool(uint64_t ref)> keep_series;
    // Whether all samples of a segment are before min_t, as far as is known: they are not read
    // then. May be unset.
    std::function<bool(uint32_t segment)> samples_are_old;
    WalCompression compression = WalCompression::kSnappy;
    uint64_t segment_size = uint64_t{128} << 20;
};

struct CheckpointReport {
    uint64_t series_kept = 0, series_dropped = 0;
    uint64_t samples_kept = 0, samples_dropped = 0;  // histograms among them
    uint64_t tombstones_kept = 0, tombstones_dropped = 0;
    uint64_t exemplars_kept = 0, exemplars_dropped = 0;
    uint64_t metadata_kept = 0;
    uint64_t records_unknown = 0;  // of kinds that have no rule; left out
    uint64_t bytes = 0;
    std::vector<Damage> damages;  // of what was read; it costs what it touches
};

// Writes `checkpoint.<last_segment>` from the newest checkpoint and the segments, published as a
// whole: when it returns, the segments and the older checkpoints may go. They are not removed here.
// Streams; what it holds is a bit per series kept, and their latest metadata. When a checkpoint
// covers the segments already, there is nothing to do and the report is empty.
//   errors   kNoSpace, kIo; kUnavailable, kPermission: a file that may be readable another time is
//            not now, or a damaged checkpoint has that name. What was there before is still needed.
//            Damage in what is read, a file that is gone or broken included, is no error.
//   threads  one at a time; the log may be written meanwhile
[[nodiscard]] base::Result<CheckpointReport> write_checkpoint(base::Files& files,
                                                              const base::Path& wal_folder,
                                                              const CheckpointRequest& request);

// Which segments the next checkpoint takes in: two thirds of those that are complete. Nothing when
// that is not worth it.  source: Prometheus 3.14 (3.6)
struct SegmentRange {
    uint32_t first = 0;
    uint32_t last = 0;
};

[[nodiscard]] std::optional<SegmentRange> segments_to_checkpoint(uint32_t first, uint32_t current);

// Removes segments up to and including `last`, and checkpoints older than the one of `last` (and
// half-written ones).
[[nodiscard]] base::Status remove_segments(base::Files& files,
                                           const base::Path& wal_folder,
                                           uint32_t last);

}  // namespace tsdb::wal

#include "tsdb/options.h"

#include "tsdb/wal/format.h"

namespace tsdb {

base::Status TsdbOptions::validate() const {
    using base::Code;
    if (path.empty()) {
        return base::fail(Code::kInvalid, "--storage.tsdb.path must not be empty");
    }
    if (wal_segment_size < kSegmentSizeMin || wal_segment_size > kSegmentSizeMax ||
        wal_segment_size % wal::kPageBytes != 0) {
        return base::fail(Code::kInvalid,
                          "--storage.tsdb.wal-segment-size must be a multiple of 32KiB between "
                          "10MiB and 256MiB, not",
                          wal_segment_size,
                          "bytes");
    }
    if (wal_sync_interval.count() < 0) {
        return base::fail(Code::kInvalid, "--storage.tsdb.wal-sync-interval must not be negative");
    }
    if (samples_per_chunk < 4 || samples_per_chunk > 500) {
        return base::fail(Code::kInvalid,
                          "--storage.tsdb.samples-per-chunk must be between 4 and 500, not",
                          samples_per_chunk);
    }
    if (min_block_duration.count() < 1000 || min_block_duration > kBlockDurationMax) {
        return base::fail(Code::kInvalid,
                          "--storage.tsdb.min-block-duration must be between 1s and 24d");
    }
    if (block_segment_bytes < kBlockSegmentBytesMin ||
        block_segment_bytes > kBlockSegmentBytesMax) {
        return base::fail(Code::kInvalid,
                          "--storage.tsdb.max-block-chunk-segment-size must be at least 1MiB and "
                          "below 4GiB, not",
                          block_segment_bytes,
                          "bytes");
    }
    if (block_reload_interval.count() < 1) {
        return base::fail(Code::kInvalid, "--storage.tsdb.block-reload-interval must be positive");
    }
    return base::success();
}

}  // namespace tsdb

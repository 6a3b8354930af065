// What the storage can be told. config/ fills this from Prometheus' --storage.tsdb.* flags.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "base/result.h"

namespace tsdb {

enum class WalCompression : uint8_t { kNone, kSnappy, kZstd };

// When blocks are let go. Zero: no such limit.
struct Retention {
    std::chrono::milliseconds duration{0};
    uint64_t bytes = 0;
    double percentage = 0;  // of the file system's capacity; goes before `bytes`

    bool operator==(const Retention&) const = default;
};

struct TsdbOptions {
    static constexpr uint64_t kSegmentSizeMin = uint64_t{10} << 20;
    static constexpr uint64_t kSegmentSizeMax = uint64_t{256} << 20;
    static constexpr uint64_t kBlockSegmentBytesMin = uint64_t{1} << 20;
    // Chunks are found by 32-bit offsets.
    static constexpr uint64_t kBlockSegmentBytesMax = (uint64_t{4} << 30) - 1;
    // Times inside an open chunk are kept as 32-bit offsets.
    static constexpr std::chrono::hours kBlockDurationMax{24 * 24};

    std::string path = "data/";                       // --storage.tsdb.path
    uint64_t wal_segment_size = uint64_t{128} << 20;  // bytes, a multiple of 32 KiB
    WalCompression wal_compression = WalCompression::kSnappy;
    // Between two fdatasyncs of the write-ahead log; 0: every commit is on the disk before it is
    // acknowledged.
    std::chrono::milliseconds wal_sync_interval{1000};
    uint32_t samples_per_chunk = 120;  // --storage.tsdb.samples-per-chunk
    std::chrono::milliseconds min_block_duration = std::chrono::hours(2);
    // Blocks are not compacted into longer ones; 0: a tenth of the retention, at most 31 days.
    std::chrono::milliseconds max_block_duration{0};
    uint64_t block_segment_bytes = uint64_t{512} << 20;  // of one chunk file of a block
    // Memory that writing a block may take for the postings it gathers.
    uint64_t compaction_memory = uint64_t{64} << 20;
    // Between two looks at what there is to cut, compact and let go.
    std::chrono::milliseconds block_reload_interval = std::chrono::minutes(1);
    Retention retention{.duration = std::chrono::hours(15 * 24)};
    // Whether blocks that overlap are merged.
    bool compact_overlapping = true;  // --storage.tsdb.allow-overlapping-compaction
    // A shipper's list of uploaded blocks: others are not compacted. Empty: none.
    std::string delay_compact_file;  // --storage.tsdb.delay-compact-file.path
    // Samples so much older than the newest are still accepted; 0: none.
    std::chrono::milliseconds out_of_order_time_window{0};
    bool no_lockfile = false;
    // The newest exemplars that are kept; 0: none.  storage.exemplars.max_exemplars
    uint64_t exemplars_max = 0;
    // Bytes the head may hold before new series are refused; 0: only what the budget above allows.
    uint64_t head_memory_limit = 0;  // --storage.head.memory-limit
    // Bytes of commits waiting for the write-ahead log; a commit beyond is refused.
    uint64_t commit_queue_bytes_max = uint64_t{256} << 20;
    // Of the disk, held back in a file so that a full one can be cleared; 0: none. At most 1/32.
    uint64_t disk_reserve_bytes = uint64_t{8} << 20;
    // With less free on the disk the storage is read-only, at most 1/32 of it; 0: until it is full.
    uint64_t disk_free_bytes_min = uint64_t{16} << 20;
    // Every block is read and compared with its checksums so often; 0: never.
    std::chrono::milliseconds scrub_interval = std::chrono::hours(7 * 24);
    uint64_t scrub_bytes_per_second = 5'000'000;
    // Bytes of records kept in memory while the storage is read-only; a commit beyond is refused.
    uint64_t kept_bytes_max = uint64_t{256} << 20;

    // errors  kInvalid, naming the flag and what it may be
    [[nodiscard]] base::Status validate() const;
};

}  // namespace tsdb

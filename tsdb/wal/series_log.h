// The series side log: each series' labels once more, outside the write-ahead log, so that samples
// whose series record is damaged there need not be lost. source: docs/formats/series_log.md
//
// Losing it, or any part, costs that and nothing else.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "base/sync.h"
#include "tsdb/wal/record.h"
#include "tsdb/wal/series_blocks.h"

namespace tsdb::wal {

// Writes it.
//   threads  append() and sync(): any; compact(): one at a time, beside them. Nobody waits for a
//            disk but those who call sync() and compact().
class SeriesLog {
  public:
    // Goes on behind what is there.
    //   fresh   removes what is there first: it is not to be trusted (SeriesLogReader::trusted())
    //   errors  kIo, kNoSpace, kPermission: do without it
    [[nodiscard]] static base::Result<std::unique_ptr<SeriesLog>> open(base::Files& files,
                                                                       const base::Path& folder,
                                                                       bool fresh);
    SeriesLog(const SeriesLog&) = delete;
    SeriesLog& operator=(const SeriesLog&) = delete;

    // Notes series that were logged, each once in its life.
    //   segment  of the write-ahead log, in which their records are or a later one; never falls
    //   errors   kIo, kNoSpace: some of the series are not in it; may be called again
    [[nodiscard]] base::Status append(uint32_t segment, std::span<const SeriesEntry> series)
        EXCLUDES_LOCK(mutex_);

    // Waits until what was appended is on the disk; cheap when there is nothing. Notes which
    // segment is written, so call it soon after a segment is begun.
    //   errors  kIo, kNoSpace
    [[nodiscard]] base::Status sync(uint32_t segment) EXCLUDES_LOCK(mutex_);

    struct CompactReport {
        uint64_t bytes_kept = 0;  // of labels
        uint64_t bytes_gone = 0;  // of series that are
        bool rewritten = false;   // what is gone was removed: it was more than half
    };

    // Rewrites the log when more than half of it is of series that are gone. Streams.
    //   errors  kIo, kNoSpace: the log is as it was
    [[nodiscard]] base::Result<CompactReport> compact(
        const std::function<bool(uint64_t ref)>& keep_series) EXCLUDES_LOCK(mutex_);

  private:
    static constexpr uint64_t kFileBytesMax = uint64_t{64} << 20;  // then the next file is begun

    SeriesLog(base::Files& files, base::Path folder, uint32_t next_file);

    [[nodiscard]] base::Status write_block() REQUIRES_LOCK(mutex_);
    [[nodiscard]] base::Status write(base::ByteView bytes) REQUIRES_LOCK(mutex_);
    [[nodiscard]] base::Status begin_file() REQUIRES_LOCK(mutex_);
    [[nodiscard]] base::Result<CompactReport> count(
        const std::function<bool(uint64_t ref)>& keep_series) const;
    [[nodiscard]] base::Status rewrite(uint32_t last_file,
                                       const std::function<bool(uint64_t ref)>& keep_series);

    base::Files& files_;
    const base::Path folder_;

    // Held while a block goes to the page cache, never while one waits for the disk.
    base::Mutex mutex_;
    std::shared_ptr<base::WriteFile> file_ GUARDED_BY(mutex_);  // null: none begun
    uint32_t next_file_ GUARDED_BY(mutex_);
    uint64_t file_bytes_ GUARDED_BY(mutex_) = 0;
    std::vector<std::shared_ptr<base::WriteFile>> unsynced_ GUARDED_BY(mutex_);
    SeriesBlockBuilder block_ GUARDED_BY(mutex_);
    uint32_t block_segment_ GUARDED_BY(mutex_) = 0;             // of the entries in block_
    std::optional<uint32_t> noted_segment_ GUARDED_BY(mutex_);  // of the last block written
    std::string buffer_ GUARDED_BY(mutex_);
};

}  // namespace tsdb::wal

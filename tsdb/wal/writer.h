// Writing the write-ahead log: groups of records, one write(2) each; fdatasync beside it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/byte_view.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/result.h"
#include "base/sync.h"
#include "tsdb/options.h"
#include "tsdb/wal/format.h"
#include "tsdb/wal/framing.h"

namespace tsdb::wal {

//   threads   log(), begin_next_segment() and close(): one. sync() and the figures: any; a sync
//   never makes
//             log() wait.
//   promise   what log() returned for survives the process; what sync() returned for, the machine
class Writer {
  public:
    struct Options {
        uint64_t segment_size = uint64_t{128} << 20;  // bytes, a multiple of kPageBytes
        WalCompression compression = WalCompression::kSnappy;
    };

    // Begins the segment after the last one in `folder`, which is made if need be. The segments
    // that are there are on the disk when it returns.
    [[nodiscard]] static base::Result<std::unique_ptr<Writer>> open(base::Files& files,
                                                                    const base::Clock& clock,
                                                                    base::Path folder,
                                                                    const Options& options);
    ~Writer();
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

    // Appends the records, in order, behind those that a failed sync may have lost.
    //   errors  kNoSpace, kIo: of the group nothing counts as written (a restart may still find the
    //           part that was, when a group crosses into a new segment). May be called again, and
    //           goes on by itself when the disk does: a segment whose end is unknown is left for a
    //           new one.
    [[nodiscard]] base::Status log(std::span<const base::ByteView> records) EXCLUDES_LOCK(mutex_);

    // Waits until everything logged before the call is on the disk.
    //   errors  kIo: the segment it failed for gets no more records. All that was logged and is not
    //           known to be on the disk is written again, in order, by the next log() (log({}) is
    //           enough) in front of its own; until then a sync has nothing to do and succeeds.
    [[nodiscard]] base::Status sync() EXCLUDES_LOCK(sync_mutex_, mutex_);

    // Ends the current segment, so that a checkpoint may take it in; nothing when it is empty.
    //   errors  kNoSpace, kIo: log() goes on where it was
    [[nodiscard]] base::Status begin_next_segment() EXCLUDES_LOCK(mutex_);

    // Pads, syncs and closes; what a failed sync may have lost is written once more.
    //   errors  as log() and sync()
    [[nodiscard]] base::Status close() EXCLUDES_LOCK(sync_mutex_, mutex_);

    [[nodiscard]] uint32_t segment() const { return segment_.load(std::memory_order_relaxed); }

    // Of all segments this writer made.
    [[nodiscard]] uint64_t bytes_written() const {
        return bytes_written_.load(std::memory_order_relaxed);
    }

    [[nodiscard]] uint64_t unsynced_bytes() const EXCLUDES_LOCK(mutex_);
    // Of those, what a failed sync may have lost and was not written again.
    [[nodiscard]] uint64_t lost_bytes() const EXCLUDES_LOCK(mutex_);
    // How long the oldest record that is not synced has waited; zero when all are.
    [[nodiscard]] base::Duration oldest_unsynced() const EXCLUDES_LOCK(mutex_);

  private:
    // What is not yet on the disk is kept in memory to be written again, up to so many bytes of
    // samples and of series. Series have more room: a sample can only lose itself.
    static constexpr size_t kUnsyncedKeepMax = size_t{16} << 20;
    static constexpr size_t kUnsyncedSeriesKeepMax = size_t{64} << 20;

    struct OpenSegment {
        std::unique_ptr<base::WriteFile> file;
        bool poisoned = false;  // a sync failed; guarded by mutex_
    };

    // Records written and not known to be on the disk, oldest first.
    struct Tail {
        std::vector<PackedRecord> records;
        size_t series_kept = 0;  // bytes of series in `records`
        size_t others_kept = 0;
        uint64_t bytes = 0;  // in segments, those not kept among them
        std::optional<base::SteadyTime> since;

        void add(std::span<PackedRecord> more, uint64_t more_bytes, base::SteadyTime at);
        void append(Tail&& later);
    };

    Writer(base::Files& files,
           const base::Clock& clock,
           base::Path folder,
           const Options& options,
           uint32_t next_segment);

    [[nodiscard]] base::Status begin_segment() EXCLUDES_LOCK(mutex_);
    [[nodiscard]] base::Status end_segment();
    [[nodiscard]] base::Status log_packed(std::span<const PackedRecord> records);
    [[nodiscard]] base::Status flush();
    [[nodiscard]] base::Status recover_after_failure();
    [[nodiscard]] base::Status finish() EXCLUDES_LOCK(sync_mutex_, mutex_);
    void lose(OpenSegment& segment, Tail&& tail) EXCLUDES_LOCK(mutex_);

    [[nodiscard]] uint64_t end() const { return written_ + buffer_.size(); }

    base::Files& files_;
    const base::Clock& clock_;
    const base::Path folder_;
    const Options options_;

    // Of the one that logs.
    std::shared_ptr<OpenSegment> current_;
    uint32_t next_segment_;
    uint64_t written_ = 0;  // bytes of the current segment
    bool broken_ = false;   // nothing may be added to the current segment
    std::string buffer_;    // fragments on their way
    RecordPacker packer_;
    std::vector<PackedRecord> packed_;

    std::atomic<uint32_t> segment_{0};
    std::atomic<uint64_t> bytes_written_{0};

    base::Mutex sync_mutex_;  // one sync at a time; before mutex_
    mutable base::Mutex mutex_;
    std::vector<std::shared_ptr<OpenSegment>> unsynced_ GUARDED_BY(mutex_);  // oldest first
    Tail tail_ GUARDED_BY(mutex_);  // in the segments of unsynced_
    Tail lost_ GUARDED_BY(mutex_);  // by failed syncs: to be written again, before anything else
    uint64_t sync_failures_ GUARDED_BY(mutex_) = 0;
};

}  // namespace tsdb::wal

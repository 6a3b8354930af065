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
#include "base/compress.h"
#include "base/file.h"
#include "base/result.h"
#include "base/sync.h"
#include "tsdb/options.h"
#include "tsdb/wal/format.h"

namespace tsdb::wal {

//   threads   log(), rotate() and close(): one. sync() and the figures: any; a sync never makes
//             log() wait.
//   promise   what log() returned for survives the process; what sync() returned for, the machine
class Writer {
  public:
    struct Options {
        uint64_t segment_size = uint64_t{128} << 20;  // bytes, a multiple of kPageBytes
        WalCompression compression = WalCompression::kSnappy;
    };

    // Begins the segment after the last one in `folder`, which is made if need be.
    [[nodiscard]] static base::Result<std::unique_ptr<Writer>> open(base::Files& files,
                                                                    const base::Clock& clock,
                                                                    base::Path folder,
                                                                    const Options& options);
    ~Writer();
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

    // Appends the records, in order.
    //   errors  kNoSpace, kIo: of the group nothing counts as written (a restart may still find the
    //           part that was, when a group crosses into a new segment). May be called again; a
    //           segment whose end is unknown is left for a new one.
    [[nodiscard]] base::Status log(std::span<const base::ByteView> records) EXCLUDES_LOCK(mutex_);

    // Waits until everything logged before the call is on the disk.
    //   errors  kIo: the segment it failed for gets no more records; log() goes on in a new one,
    //           which begins with what the failed one held unsynced
    [[nodiscard]] base::Status sync() EXCLUDES_LOCK(sync_mutex_, mutex_);

    // Pads, syncs and closes. errors  as sync()
    [[nodiscard]] base::Status close() EXCLUDES_LOCK(sync_mutex_, mutex_);

    [[nodiscard]] uint32_t segment() const { return segment_.load(std::memory_order_relaxed); }

    // Of all segments this writer made.
    [[nodiscard]] uint64_t bytes_written() const {
        return bytes_written_.load(std::memory_order_relaxed);
    }

    [[nodiscard]] uint64_t unsynced_bytes() const EXCLUDES_LOCK(mutex_);
    // How long the oldest record that is not synced has waited; zero when all are.
    [[nodiscard]] base::Duration oldest_unsynced() const EXCLUDES_LOCK(mutex_);

  private:
    // What is not yet on the disk is kept in memory to be written again, up to this many bytes.
    static constexpr size_t kUnsyncedKeepMax = size_t{16} << 20;

    // A record as it goes into fragments.
    struct Packed {
        std::string bytes;
        uint8_t flag = 0;
    };

    struct OpenSegment {
        std::unique_ptr<base::WriteFile> file;
        std::atomic<bool> poisoned{false};  // a sync failed
    };

    Writer(base::Files& files,
           const base::Clock& clock,
           base::Path folder,
           const Options& options,
           uint32_t next_segment);

    [[nodiscard]] base::Status begin_segment() EXCLUDES_LOCK(mutex_);
    [[nodiscard]] base::Status log_packed(std::span<const Packed> records);
    void pack(base::ByteView record, Packed& packed);
    [[nodiscard]] bool fits_segment(size_t bytes) const;
    void frame(const Packed& record);
    void pad_page();
    [[nodiscard]] base::Status flush();
    [[nodiscard]] base::Status recover_after_failure();
    void remember(std::span<Packed> records) EXCLUDES_LOCK(mutex_);

    [[nodiscard]] uint64_t end() const { return written_ + buffer_.size(); }

    base::Files& files_;
    const base::Clock& clock_;
    const base::Path folder_;
    const Options options_;

    // Of the one that logs.
    std::shared_ptr<OpenSegment> current_;
    uint32_t next_segment_;
    uint64_t written_ = 0;  // bytes of the current segment
    bool broken_ = false;   // the current segment's end is unknown
    std::string buffer_;    // fragments on their way
    std::string compressed_;
    std::vector<Packed> packed_;
    base::ZstdEncoder zstd_;

    std::atomic<uint32_t> segment_{0};
    std::atomic<uint64_t> bytes_written_{0};

    base::Mutex sync_mutex_;  // one sync at a time; before mutex_
    mutable base::Mutex mutex_;
    std::vector<std::shared_ptr<OpenSegment>> unsynced_ GUARDED_BY(mutex_);
    std::vector<Packed> unsynced_records_ GUARDED_BY(mutex_);
    size_t unsynced_records_bytes_ GUARDED_BY(mutex_) = 0;
    std::vector<Packed> again_ GUARDED_BY(mutex_);  // to be written again first
    uint64_t unsynced_bytes_ GUARDED_BY(mutex_) = 0;
    std::optional<base::SteadyTime> unsynced_since_ GUARDED_BY(mutex_);
};

}  // namespace tsdb::wal

// The way to the write-ahead log, and to that of out-of-order samples: open while the disk takes
// what is written, and shut while it does not. What comes meanwhile is kept in memory, in order,
// and logged before anything else.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <vector>

#include "base/budget.h"
#include "base/byte_view.h"
#include "base/clock.h"
#include "base/result.h"
#include "tsdb/disk_state.h"
#include "tsdb/metrics.h"
#include "tsdb/out_of_order_writer.h"
#include "tsdb/side_log.h"
#include "tsdb/wal/writer.h"

namespace tsdb {

//   threads   sync(), kept_bytes(): any. The others: the log's
//   lifetime  what it is given outlives it
class WalGate {
  public:
    // Of what is kept, logged with one call of retry().
    static constexpr size_t kRetryBytes = size_t{8} << 20;
    static constexpr size_t kWriteBytes = size_t{1} << 20;  // logged in one write
    // Between two attempts to go on after syncs failed: each begins a new segment.
    static constexpr std::chrono::seconds kSyncRetry{5};
    static constexpr uint32_t kSyncFailuresMax = 2;  // in a row, then the storage is read-only

    struct Parts {
        wal::Writer& writer;
        OutOfOrderWriter& late_writer;
        SideLog& side_log;
        DiskState& disk;
        base::Budget& budget;  // charged for what is kept
        const base::Clock& clock;
        CommitMetrics& metrics;
    };

    // kept_bytes_max  of records kept; the budget may allow less
    WalGate(const Parts& parts, uint64_t kept_bytes_max)
        : parts_(parts), kept_bytes_max_(kept_bytes_max), reservation_(parts.budget) {}

    WalGate(const WalGate&) = delete;
    WalGate& operator=(const WalGate&) = delete;

    // Logs the records as a group, or keeps them.
    //   returns  whether they are in the log; if not they are kept
    //   errors   kNoSpace, naming the limit: neither, there is no room for more
    [[nodiscard]] base::Result<bool> log(std::span<const base::ByteView> records);
    // The same for the log of out-of-order samples. What is kept of both is logged in the order in
    // which it came: a series before its samples, whatever ends the process on the way.
    [[nodiscard]] base::Result<bool> log_late(std::span<const base::ByteView> records);

    // Logs what is kept, a part of it, and what failed syncs may have lost; to be called when the
    // disk may take it again. returns  whether it went well and there is more
    [[nodiscard]] bool retry();

    // As wal::Writer::sync().
    [[nodiscard]] base::Status sync();
    // The same for the log of out-of-order samples.
    [[nodiscard]] base::Status sync_late();

    // Bytes of records that are only in memory.
    [[nodiscard]] uint64_t kept_bytes() const {
        return kept_bytes_.load(std::memory_order_relaxed);
    }

  private:
    enum class Log : uint8_t { kInOrder, kLate };

    struct Kept {
        Log log;
        std::string record;
    };

    [[nodiscard]] base::Result<bool> pass(Log log, std::span<const base::ByteView> records);
    [[nodiscard]] base::Status write(Log log, std::span<const base::ByteView> records);
    [[nodiscard]] base::Status keep(Log log, std::span<const base::ByteView> records);
    [[nodiscard]] base::Status write_kept();
    void shut(const base::Error& error);

    const Parts parts_;
    const uint64_t kept_bytes_max_;
    std::deque<Kept> kept_;  // oldest first
    base::Reservation reservation_;
    std::atomic<uint64_t> kept_bytes_{0};
    std::atomic<uint32_t> sync_failures_{0};  // in a row
    base::SteadyTime sync_again_{};           // not before
};

}  // namespace tsdb

#include "tsdb/wal_gate.h"

namespace tsdb {
namespace {

constexpr size_t kRecordOverhead = 48;  // of a record that is kept

}  // namespace

base::Result<bool> WalGate::log(std::span<const base::ByteView> records) {
    return pass(Log::kInOrder, records);
}

base::Result<bool> WalGate::log_late(std::span<const base::ByteView> records) {
    return pass(Log::kLate, records);
}

base::Result<bool> WalGate::pass(Log log, std::span<const base::ByteView> records) {
    if (kept_.empty() && !parts_.disk.readonly()) {
        base::Status status = write(log, records);
        if (!status && status.error().code() != base::Code::kNoSpace) {
            parts_.metrics.writes_failed.add();
            status = write(log, records);  // in a new segment
        }
        if (status) {
            return true;
        }
        shut(status.error());
    }
    TRY(keep(log, records));
    return records.empty() && kept_.empty();
}

base::Status WalGate::write(Log log, std::span<const base::ByteView> records) {
    if (log == Log::kLate) {
        return parts_.late_writer.log(records);
    }
    TRY(parts_.writer.log(records));
    parts_.side_log.note(parts_.writer.segment(), records);
    return base::success();
}

void WalGate::shut(const base::Error& error) {
    parts_.metrics.writes_failed.add();
    parts_.disk.enter(error.code() == base::Code::kNoSpace ? ReadonlyReason::kNoSpace
                                                           : ReadonlyReason::kWriteFailed,
                      error);
}

base::Status WalGate::keep(Log log, std::span<const base::ByteView> records) {
    uint64_t bytes = 0;
    for (const base::ByteView record : records) {
        bytes += record.size() + kRecordOverhead;
    }
    if (kept_bytes() + bytes > kept_bytes_max_) {
        return base::fail(base::Code::kNoSpace,
                          "the storage is read-only and",
                          kept_bytes(),
                          "bytes of samples wait in memory for the disk, at most",
                          kept_bytes_max_,
                          "may: free some space");
    }
    const base::Status reserved = reservation_.grow(static_cast<int64_t>(bytes));
    if (!reserved) {
        return base::fail(base::Code::kNoSpace,
                          "the storage is read-only and memory has no room for more samples: " +
                              reserved.error().message());
    }
    for (const base::ByteView record : records) {
        kept_.push_back({.log = log, .record = std::string(record.text())});
    }
    kept_bytes_.fetch_add(bytes, std::memory_order_relaxed);
    return base::success();
}

bool WalGate::retry() {
    const bool unsynced = parts_.disk.has(ReadonlyReason::kSyncFailed);
    if (unsynced) {
        if (parts_.clock.steady() < sync_again_) {
            return false;
        }
        sync_again_ = parts_.clock.steady() + kSyncRetry;
    }
    base::Status status = parts_.writer.log({});
    for (uint64_t before = kept_bytes();
         status && !unsynced && !kept_.empty() && before - kept_bytes() < kRetryBytes;) {
        status = write_kept();
    }
    if (!status) {
        shut(status.error());
        return false;
    }
    parts_.disk.leave(ReadonlyReason::kNoSpace);
    parts_.disk.leave(ReadonlyReason::kWriteFailed);
    return !unsynced && !kept_.empty();
}

base::Status WalGate::write_kept() {
    std::vector<base::ByteView> views;
    uint64_t bytes = 0;
    const Log log = kept_.front().log;
    for (const Kept& kept : kept_) {
        if (kept.log != log) {
            break;
        }
        views.emplace_back(kept.record);
        bytes += kept.record.size() + kRecordOverhead;
        if (bytes >= kWriteBytes) {
            break;
        }
    }
    TRY(write(log, views));
    kept_.erase(kept_.begin(), kept_.begin() + static_cast<std::ptrdiff_t>(views.size()));
    kept_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
    reservation_.shrink(static_cast<int64_t>(bytes));
    return base::success();
}

base::Status WalGate::sync_late() {
    base::Status status = parts_.late_writer.sync();
    if (!status) {
        parts_.metrics.fsync_failures.add();
    }
    return status;
}

base::Status WalGate::sync() {
    const base::SteadyTime began = parts_.clock.steady();
    base::Status status = parts_.writer.sync();
    parts_.metrics.fsync_seconds.observe(
        std::chrono::duration<double>(parts_.clock.steady() - began).count());
    if (!status) {
        parts_.metrics.fsync_failures.add();
        if (sync_failures_.fetch_add(1, std::memory_order_relaxed) + 1 >= kSyncFailuresMax) {
            parts_.disk.enter(ReadonlyReason::kSyncFailed, status.error());
        }
        return status;
    }
    // What an earlier sync lost is not synced before it was logged again.
    if (parts_.writer.lost_bytes() == 0) {
        sync_failures_.store(0, std::memory_order_relaxed);
        parts_.disk.leave(ReadonlyReason::kSyncFailed);
    }
    return status;
}

}  // namespace tsdb

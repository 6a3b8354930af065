#include "tsdb/disk_state.h"

namespace tsdb {

std::string_view readonly_reason_name(ReadonlyReason reason) {
    switch (reason) {
        case ReadonlyReason::kNoSpace:
            return "no_space";
        case ReadonlyReason::kWriteFailed:
            return "write_failed";
        case ReadonlyReason::kSyncFailed:
            return "sync_failed";
    }
    return "unknown";
}

void DiskState::enter(ReadonlyReason reason, const base::Error& why) {
    const base::MutexLock lock(mutex_);
    const uint8_t before = reasons_.fetch_or(bit(reason), std::memory_order_acq_rel);
    if ((before & bit(reason)) != 0) {
        return;
    }
    if (before == 0) {
        since_ = clock_.steady();
    }
    log_.error("storage is read-only: new samples are kept in memory until the disk takes them",
               "reason",
               readonly_reason_name(reason),
               "error",
               why);
}

void DiskState::leave(ReadonlyReason reason) {
    const base::MutexLock lock(mutex_);
    const uint8_t before =
        reasons_.fetch_and(static_cast<uint8_t>(~bit(reason)), std::memory_order_acq_rel);
    if (before == bit(reason)) {
        log_.info("storage takes writes again",
                  "reason",
                  readonly_reason_name(reason),
                  "after_s",
                  std::chrono::duration<double>(clock_.steady() - since_).count());
    }
}

}  // namespace tsdb

// Whether the disk takes what the storage writes. While it does not, the storage is read-only:
// queries go on, samples are kept in memory, and nothing is cut or compacted.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/sync.h"

namespace tsdb {

enum class ReadonlyReason : uint8_t {
    kNoSpace,      // the disk is full, or nearly
    kWriteFailed,  // a write, and the same again, in another file
    kSyncFailed,   // two syncs in a row
};
inline constexpr size_t kReadonlyReasons = 3;

[[nodiscard]] std::string_view readonly_reason_name(ReadonlyReason reason);

// Says in the log when the storage gets read-only and when it is no more.
//   threads  any
class DiskState {
  public:
    DiskState(const base::Clock& clock, base::Logger log) : clock_(clock), log_(std::move(log)) {}

    [[nodiscard]] bool readonly() const { return reasons_.load(std::memory_order_acquire) != 0; }

    [[nodiscard]] bool has(ReadonlyReason reason) const {
        return (reasons_.load(std::memory_order_acquire) & bit(reason)) != 0;
    }

    // The reason is there; once more: nothing.
    void enter(ReadonlyReason reason, const base::Error& why) EXCLUDES_LOCK(mutex_);
    // It is over; if it was not there: nothing.
    void leave(ReadonlyReason reason) EXCLUDES_LOCK(mutex_);

  private:
    static constexpr uint8_t bit(ReadonlyReason reason) {
        return static_cast<uint8_t>(1U << static_cast<unsigned>(reason));
    }

    const base::Clock& clock_;
    const base::Logger log_;
    std::atomic<uint8_t> reasons_{0};
    base::Mutex mutex_;  // of those who change reasons_
    base::SteadyTime since_ GUARDED_BY(mutex_);
};

}  // namespace tsdb

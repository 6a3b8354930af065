// When the newest sample of each segment is: what is older than the head need not be read again.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>

#include "base/sync.h"

namespace tsdb::wal {

// Threads: any.
class SegmentTimes {
  public:
    // The segment has samples up to `max_t`, at least.
    void note(uint32_t segment, int64_t max_t) EXCLUDES_LOCK(mutex_) {
        const base::MutexLock lock(mutex_);
        const auto at = max_t_.try_emplace(segment, max_t).first;
        at->second = std::max(at->second, max_t);
    }

    // Nothing when nobody noted the segment's samples.
    [[nodiscard]] std::optional<int64_t> max_t(uint32_t segment) const EXCLUDES_LOCK(mutex_) {
        const base::MutexLock lock(mutex_);
        const auto at = max_t_.find(segment);
        return at == max_t_.end() ? std::nullopt : std::optional(at->second);
    }

    // Segments up to `last` are gone.
    void forget(uint32_t last) EXCLUDES_LOCK(mutex_) {
        const base::MutexLock lock(mutex_);
        max_t_.erase(max_t_.begin(), max_t_.upper_bound(last));
    }

  private:
    mutable base::Mutex mutex_;
    std::map<uint32_t, int64_t> max_t_ GUARDED_BY(mutex_);
};

}  // namespace tsdb::wal

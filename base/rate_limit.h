// Lets one event through per interval and counts the rest: for log lines that would repeat.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

#include "base/clock.h"

namespace base {

// if (const auto suppressed = limit_.pass(clock_.steady())) {
//     log_.warn("append failed", "error", error, "suppressed", *suppressed);
// }
// Threads: any.
class RateLimit {
  public:
    explicit RateLimit(Duration interval) : interval_(interval) {}

    // returns  the number of events held back since the last one let through, or nothing: hold
    // back.
    [[nodiscard]] std::optional<uint64_t> pass(SteadyTime now) {
        const int64_t now_ns = now.time_since_epoch().count();
        int64_t next = next_ns_.load(std::memory_order_relaxed);
        if (now_ns < next || !next_ns_.compare_exchange_strong(
                                 next, now_ns + interval_.count(), std::memory_order_relaxed)) {
            suppressed_.fetch_add(1, std::memory_order_relaxed);
            return std::nullopt;
        }
        return suppressed_.exchange(0, std::memory_order_relaxed);
    }

  private:
    const Duration interval_;
    std::atomic<int64_t> next_ns_{INT64_MIN};
    std::atomic<uint64_t> suppressed_{0};
};

}  // namespace base

// Timers of a lane: one wheel, no system call and no allocation per timer.
#pragma once

#include <functional>

#include "base/async/lane.h"

namespace base {

class TimerWheel;

namespace detail {
struct TimerLink {
    TimerLink* next = nullptr;
    TimerLink* previous = nullptr;
};
}  // namespace detail

// Calls back on the lane once the clock has reached a moment; never early, at most one tick late on
// a ticked lane and one millisecond (plus the lane's load) late on an event-driven one.
//   threads   the lane
//   lifetime  the callback may arm the timer again; destroying the timer disarms it
class Timer : private detail::TimerLink {
  public:
    Timer(Lane& lane, std::function<void()> callback);
    ~Timer();
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;

    // Arms, or moves, the timer; SteadyTime::max() disarms it. O(1).
    void arm(SteadyTime at);

    void arm(Deadline deadline) { arm(deadline.at()); }

    void disarm();

    [[nodiscard]] bool armed() const { return slot_ != kNone; }

  private:
    friend class TimerWheel;
    static constexpr uint32_t kNone = UINT32_MAX;

    TimerWheel& wheel_;
    std::function<void()> callback_;
    SteadyTime at_{};
    uint32_t slot_ = kNone;
};

// Suspends the task, which runs on a lane, until the lane's clock reaches the moment.
// errors  kCanceled
[[nodiscard]] Task<void> sleep_until(SteadyTime when);
[[nodiscard]] Task<void> sleep_for(Duration duration);
// Lets everything else that is ready on the lane go first.
[[nodiscard]] Task<void> yield();

// The moments phase + n * period; those that were missed are dropped, not queued.
class Ticker {
  public:
    // 0 <= phase < period, counted from the clock's steady epoch.
    Ticker(Duration period, Duration phase);

    // The first moment after `now`.
    [[nodiscard]] SteadyTime after(SteadyTime now) const;
    // Sleeps until the next moment after the last one returned and returns it.
    [[nodiscard]] Task<SteadyTime> next();

  private:
    Duration period_;
    Duration phase_;
    SteadyTime last_{};
};

}  // namespace base

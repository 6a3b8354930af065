// The timers of one lane in a hashed wheel: arming and disarming move two pointers.
#pragma once

#include <array>
#include <bitset>
#include <functional>

#include "base/async/deadline.h"

namespace base {

// Slots of about a millisecond, 4096 of them; a timer further away than one revolution stays in its
// slot and is passed by.
//   threads   the lane
class TimerWheel {
  public:
    explicit TimerWheel(const Clock& clock);
    ~TimerWheel();
    TimerWheel(const TimerWheel&) = delete;
    TimerWheel& operator=(const TimerWheel&) = delete;

    // Told whenever a timer is armed earlier than the moment wake() last returned.
    void on_earlier(std::function<void(SteadyTime)> callback) { on_earlier_ = std::move(callback); }

    // Fires everything that is due by the clock; returns how many.
    size_t advance();

    // When advance() must be called next; max() when no timer is armed. May be earlier than the
    // next timer.
    [[nodiscard]] SteadyTime wake();

    [[nodiscard]] SteadyTime now() const { return clock_.steady(); }

  private:
    friend class Timer;
    static constexpr unsigned kSlotBits = 20;  // 2^20 ns
    static constexpr size_t kSlots = 4096;
    static constexpr size_t kFiring = kSlots;  // the list of those being fired

    [[nodiscard]] static int64_t turn_of(SteadyTime at) {
        return at.time_since_epoch().count() >> kSlotBits;
    }

    void insert(Timer& timer, SteadyTime at);
    void remove(Timer& timer);
    void collect(size_t slot, SteadyTime now);
    size_t fire();

    const Clock& clock_;
    std::function<void(SteadyTime)> on_earlier_;
    std::array<detail::TimerLink, kSlots + 1> heads_;
    std::array<uint64_t, kSlots / 64> occupied_{};
    int64_t turn_;  // the first slot, not yet taken modulo, that may hold a due timer
    SteadyTime wake_ = SteadyTime::max();
    size_t armed_ = 0;
};

}  // namespace base

#include "base/async/timer_wheel.h"

#include <algorithm>
#include <bit>

#include "base/check.h"

namespace base {

TimerWheel::TimerWheel(const Clock& clock) : clock_(clock), turn_(turn_of(clock.steady())) {
    for (detail::TimerLink& head : heads_) {
        head.next = head.previous = &head;
    }
}

TimerWheel::~TimerWheel() {
    SKEIN_CHECK(armed_ == 0, "timers outlive their lane");
}

void TimerWheel::insert(Timer& timer, SteadyTime at) {
    const int64_t turn = std::max(turn_of(at), turn_);
    const auto slot = static_cast<uint32_t>(static_cast<uint64_t>(turn) % kSlots);
    detail::TimerLink& head = heads_[slot];
    timer.at_ = at;
    timer.slot_ = slot;
    timer.next = &head;
    timer.previous = head.previous;
    head.previous->next = &timer;
    head.previous = &timer;
    occupied_[slot / 64] |= uint64_t{1} << (slot % 64);
    ++armed_;
    if (at < wake_) {
        wake_ = at;
        if (on_earlier_) {
            on_earlier_(at);
        }
    }
}

void TimerWheel::remove(Timer& timer) {
    timer.previous->next = timer.next;
    timer.next->previous = timer.previous;
    const uint32_t slot = timer.slot_;
    if (slot != kFiring && heads_[slot].next == &heads_[slot]) {
        occupied_[slot / 64] &= ~(uint64_t{1} << (slot % 64));
    }
    timer.slot_ = Timer::kNone;
    --armed_;
}

// Moves the due timers of a slot to the firing list.
void TimerWheel::collect(size_t slot, SteadyTime now) {
    detail::TimerLink& head = heads_[slot];
    detail::TimerLink& firing = heads_[kFiring];
    for (detail::TimerLink* link = head.next; link != &head;) {
        auto& timer = static_cast<Timer&>(*link);
        link = link->next;
        if (timer.at_ > now) {
            continue;
        }
        remove(timer);
        timer.slot_ = kFiring;
        timer.next = &firing;
        timer.previous = firing.previous;
        firing.previous->next = &timer;
        firing.previous = &timer;
        ++armed_;
    }
}

size_t TimerWheel::fire() {
    detail::TimerLink& firing = heads_[kFiring];
    size_t fired = 0;
    while (firing.next != &firing) {
        auto& timer = static_cast<Timer&>(*firing.next);
        remove(timer);
        ++fired;
        timer.callback_();  // may destroy or arm any timer, this one too
    }
    return fired;
}

size_t TimerWheel::advance() {
    const SteadyTime now = clock_.steady();
    const int64_t last = turn_of(now);
    const int64_t first = std::max(turn_, last - static_cast<int64_t>(kSlots) + 1);
    for (int64_t turn = first; turn <= last; ++turn) {
        const size_t slot = static_cast<uint64_t>(turn) % kSlots;
        const uint64_t rest = occupied_[slot / 64] >> (slot % 64);
        if (rest == 0) {
            turn += static_cast<int64_t>(63 - slot % 64);  // the word holds nothing more
            continue;
        }
        if ((rest & 1) != 0) {
            collect(slot, now);
        }
    }
    turn_ = std::max(turn_, last);
    return fire();
}

SteadyTime TimerWheel::wake() {
    wake_ = SteadyTime::max();
    if (armed_ == 0) {
        return wake_;
    }
    const auto slot_time = [](int64_t turn) {
        return SteadyTime(SteadyTime::duration(turn << kSlotBits));
    };
    for (int64_t turn = turn_; turn < turn_ + static_cast<int64_t>(kSlots); ++turn) {
        const size_t slot = static_cast<uint64_t>(turn) % kSlots;
        const uint64_t rest = occupied_[slot / 64] >> (slot % 64);
        if (rest == 0) {
            turn += static_cast<int64_t>(63 - slot % 64);
            continue;
        }
        if ((rest & 1) == 0) {
            continue;
        }
        const SteadyTime end = slot_time(turn + 1);
        SteadyTime earliest = SteadyTime::max();
        const detail::TimerLink& head = heads_[slot];
        for (const detail::TimerLink* link = head.next; link != &head; link = link->next) {
            earliest = std::min(earliest, static_cast<const Timer*>(link)->at_);
        }
        if (earliest < end) {
            return wake_ = earliest;
        }
    }
    return wake_ = slot_time(turn_ + static_cast<int64_t>(kSlots));
}

Timer::Timer(Lane& lane, std::function<void()> callback)
    : wheel_(lane.timers()), callback_(std::move(callback)) {}

Timer::~Timer() {
    disarm();
}

void Timer::arm(SteadyTime at) {
    disarm();
    if (at != SteadyTime::max()) {
        wheel_.insert(*this, at);
    }
}

void Timer::disarm() {
    if (armed()) {
        wheel_.remove(*this);
    }
}

Ticker::Ticker(Duration period, Duration phase) : period_(period), phase_(phase) {
    SKEIN_CHECK(period > Duration::zero(), "a ticker's period is positive");
    SKEIN_CHECK(phase >= Duration::zero() && phase < period, "a phase lies within the period");
}

SteadyTime Ticker::after(SteadyTime now) const {
    const Duration since = now.time_since_epoch() - phase_;
    auto periods = since / period_;
    if (since < Duration::zero() && since % period_ != Duration::zero()) {
        --periods;
    }
    return SteadyTime(phase_ + period_ * (periods + 1));
}

}  // namespace base

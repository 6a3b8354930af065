#include "base/async/deadline.h"

#include "base/async/waiter.h"

namespace base {

Task<void> sleep_until(SteadyTime when) {
    if (co_await task_cancelled()) {
        co_return fail(cancelled_error());
    }
    Lane& lane = this_lane();
    Waiter waiter(lane);
    Timer timer(lane, [&waiter] { waiter.wake(); });
    timer.arm(when);
    if (!co_await waiter.wait()) {
        co_return fail(cancelled_error());
    }
    co_return success();
}

Task<void> sleep_for(Duration duration) {
    const SteadyTime when = this_lane().clock().steady() + duration;
    co_return co_await sleep_until(when);
}

Task<void> yield() {
    Lane& lane = this_lane();
    Waiter waiter(lane);
    lane.post([&waiter] { waiter.wake(); });
    // Not cancellable: the posted call refers to this frame.
    (void)co_await waiter.wait(false);
    co_return success();
}

Task<SteadyTime> Ticker::next() {
    const SteadyTime now = this_lane().clock().steady();
    const SteadyTime when = after(std::max(now, last_));
    CO_TRY(co_await sleep_until(when));
    last_ = when;
    co_return when;
}

}  // namespace base

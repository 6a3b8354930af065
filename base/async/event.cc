#include "base/async/event.h"

#include <atomic>

#include "base/async/deadline.h"
#include "base/async/waiter.h"
#include "base/check.h"

namespace base {

struct Event::State : std::enable_shared_from_this<Event::State> {
    explicit State(Lane& of) : lane(of), waiter(of) {}

    void raise();
    void deliver();

    Lane& lane;
    std::atomic<bool> raised{false};
    Waiter waiter;  // on the lane
};

void Event::State::raise() {
    if (!raised.exchange(true, std::memory_order_acq_rel)) {
        lane.post([self = shared_from_this()] { self->deliver(); });
    }
}

void Event::State::deliver() {
    if (waiter.waiting() && raised.exchange(false, std::memory_order_acq_rel)) {
        waiter.wake();
    }
}

Event::Event(Lane& lane) : state_(std::make_shared<State>(lane)) {}

Event::~Event() {
    SKEIN_CHECK(!state_->waiter.waiting(), "a task waits for an event that goes away");
}

void Event::Setter::set() const {
    state_->raise();
}

void Event::set() {
    state_->raise();
}

Event::Setter Event::setter() const {
    return Setter(state_);
}

Task<void> Event::wait() {
    co_return co_await wait_until(SteadyTime::max());
}

Task<void> Event::wait_until(SteadyTime when) {
    const std::shared_ptr<State> state = state_;
    if (state->raised.exchange(false, std::memory_order_acq_rel)) {
        co_return success();
    }
    if (co_await task_cancelled()) {
        co_return fail(cancelled_error());
    }
    bool late = false;
    Timer timer(state->lane, [&] {
        late = true;
        state->waiter.wake();
    });
    timer.arm(when);
    const bool woken = co_await state->waiter.wait();
    if (!woken) {
        co_return fail(cancelled_error());
    }
    if (late) {
        co_return fail(Code::kTimeout, "context deadline exceeded");
    }
    co_return success();
}

}  // namespace base

#include "base/async/waiter.h"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/check.h"

namespace base {

namespace asio = boost::asio;

template <class Handler>
struct Waiter::ResumeHandler final : Resume {
    explicit ResumeHandler(Handler&& waiting) : handler(std::move(waiting)) {}

    void run(bool woken) override { std::move(handler)(woken); }

    Handler handler;
};

asio::awaitable<bool> Waiter::wait(bool cancellable) {
    SKEIN_CHECK(!waiting(), "two tasks wait at one place");
    SKEIN_CHECK(lane_.here(), "a task waits on the lane it runs on");
    Waiter* const self = this;
    co_return co_await asio::async_initiate<const asio::use_awaitable_t<>&, void(bool)>(
        [self, cancellable](auto handler) {
            auto slot = asio::get_associated_cancellation_slot(handler);
            if (cancellable && slot.is_connected()) {
                slot.assign([self](asio::cancellation_type) { self->finish(false); });
            }
            self->resume_ = std::make_shared<ResumeHandler<decltype(handler)>>(std::move(handler));
        },
        asio::use_awaitable);
}

void Waiter::finish(bool woken) {
    if (!resume_) {
        return;
    }
    // The cancellation slot is cleared when the task runs again; until then the Waiter lives, and
    // a second call finds nothing to do.
    asio::post(lane_.context(),
               [resume = std::exchange(resume_, nullptr), woken] { resume->run(woken); });
}

asio::awaitable<bool> task_cancelled() {
    const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
    co_return state.cancelled() != asio::cancellation_type::none;
}

Lane& this_lane() {
    Lane* const lane = Lane::current();
    SKEIN_CHECK(lane != nullptr, "a task runs on a lane");
    return *lane;
}

Error cancelled_error() {
    return Error(Code::kCanceled, "context canceled");
}

}  // namespace base

// A lane: one thread, one event loop, and the objects pinned to it. Nothing on a lane ever blocks.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include <boost/asio/any_io_executor.hpp>

#include "base/async/task.h"
#include "base/clock.h"

namespace boost::asio {
class io_context;
}

namespace base {

class TimerWheel;

struct LaneOptions {
    std::string name = "lane";  // also the thread's name, cut at 15 bytes
    // Zero: event-driven, for serving. Otherwise the lane sleeps between the moments of a grid of
    // this width and does at each of them everything that became ready meanwhile: for scraping.
    // Nothing is faster than one tick there, and wake-ups are shared.
    Duration tick{0};
    // No thread: whoever owns the lane calls poll() or run(). For tests and for block_on.
    bool manual = false;
};

//   threads   post(), here(), executor() and stop() from any thread; everything else on the lane
//   lifetime  outlives every object pinned to it; no task may be left on it when it is destroyed
class Lane {
  public:
    // Clock is borrowed. A manual lane with a simulated clock is deterministic.
    Lane(const Clock& clock, LaneOptions options);
    ~Lane();
    Lane(const Lane&) = delete;
    Lane& operator=(const Lane&) = delete;

    // Starts the thread; nothing for a manual lane.
    void start();
    // Ends the thread after the handler that is running; joins it. What is still queued is dropped
    // when the lane is destroyed. Not from the lane itself.
    void stop();

    // Runs `work` on the lane, soon, after what was posted before.
    void post(std::function<void()> work);
    // Runs `work` on the lane and waits for its end; runs it at once when called on the lane.
    void call(const std::function<void()>& work);

    // True between start() and stop() of a lane that is not manual: a thread drives it.
    [[nodiscard]] bool threaded() const;

    // True on the lane's own thread (for a manual lane: inside poll() and run()).
    [[nodiscard]] bool here() const;
    // The lane whose thread this is, or null.
    [[nodiscard]] static Lane* current();

    // Lanes without a thread: runs what is ready and every timer that is due by the clock; returns
    // how many handlers ran.
    size_t poll();
    // Lanes without a thread: like poll(), but waits for work (real time) until `done` returns
    // true.
    void run(const std::function<bool()>& done);

    // Resumes at the lane's next tick; at once on an event-driven lane.
    [[nodiscard]] Task<void> next_tick();

    [[nodiscard]] bool ticked() const { return options_.tick > Duration::zero(); }

    [[nodiscard]] const LaneOptions& options() const { return options_; }

    [[nodiscard]] const Clock& clock() const { return clock_; }

    [[nodiscard]] boost::asio::any_io_executor executor();
    [[nodiscard]] boost::asio::io_context& context();

    // The lane's timers (base/async/deadline.h).
    [[nodiscard]] TimerWheel& timers();

  private:
    struct Loop;

    const Clock& clock_;
    LaneOptions options_;
    std::unique_ptr<Loop> loop_;
};

namespace detail {
void block_on(Lane& lane, boost::asio::awaitable<void> task);

template <class T>
boost::asio::awaitable<void> keep_result(Task<T> task, std::unique_ptr<Result<T>>& result) {
    result = std::make_unique<Result<T>>(co_await std::move(task));
}
}  // namespace detail

// Runs a task on a lane and waits for it. For main(), commands and tests: never on that lane. A
// lane without a thread is driven by the calling one.
template <class T>
[[nodiscard]] Result<T> block_on(Lane& lane, Task<T> task) {
    std::unique_ptr<Result<T>> result;
    detail::block_on(lane, detail::keep_result<T>(std::move(task), result));
    return std::move(*result);
}

}  // namespace base

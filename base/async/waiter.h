// Parks one task until somebody wakes it: what every primitive of this folder is made of.
#pragma once

#include <functional>
#include <memory>

#include "base/async/lane.h"

namespace base {

// A member of the waiting coroutine's frame (or of what outlives it).
//   threads   the lane
class Waiter {
  public:
    explicit Waiter(Lane& lane) : lane_(lane) {}

    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;

    // Suspends the task. True when wake() was called; false when the task was cancelled, unless
    // `cancellable` is false: then a cancellation is not looked at.
    [[nodiscard]] boost::asio::awaitable<bool> wait(bool cancellable = true);

    // Resumes the task from the lane's queue; nothing when none waits.
    void wake() { finish(true); }

    // The same, the task sees a cancellation.
    void cancel() { finish(false); }

    [[nodiscard]] bool waiting() const { return resume_ != nullptr; }

  private:
    struct Resume {
        virtual ~Resume() = default;
        virtual void run(bool woken) = 0;
    };
    template <class Handler>
    struct ResumeHandler;

    void finish(bool woken);

    Lane& lane_;
    std::shared_ptr<Resume> resume_;
};

// True when the running task was asked to stop.
[[nodiscard]] boost::asio::awaitable<bool> task_cancelled();

// The lane of the running task; CHECKed.
[[nodiscard]] Lane& this_lane();

[[nodiscard]] Error cancelled_error();

}  // namespace base

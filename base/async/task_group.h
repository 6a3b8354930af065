// The owner of tasks: nothing is detached, everything can be stopped and waited for.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/async/lane.h"

namespace base {

// Tasks of one object on one lane. The LAST member of its owner: its tasks may use every member
// above it.
//   threads   spawn(), stop() on the lane; stop_and_wait(), stopping() and the destructor anywhere
//   cancel    a task starts with throw_if_cancelled off and total cancellation on. stop() ends the
//             operation each task is waiting in, which then returns kCanceled; a loop also looks at
//             stopping() after each await.
//   errors    a task that ends with an error other than kCanceled is handed to on_error, which by
//             default drops it: a task that can fail handles its errors itself
class TaskGroup {
  public:
    static constexpr size_t kTasksMax = 1'000'000;

    using OnError = std::function<void(const std::string& name, const Error& error)>;

    explicit TaskGroup(Lane& lane, OnError on_error = nullptr);
    // Off the lane: stop_and_wait(). On the lane the group must be empty (CHECKed).
    ~TaskGroup();
    TaskGroup(const TaskGroup&) = delete;
    TaskGroup& operator=(const TaskGroup&) = delete;

    // Starts a task; it first runs when the lane gets to it. After stop() the task is dropped
    // without running.
    void spawn(std::string name, Task<void> task);

    // Cancels every task and returns when the last one has ended. May be called again.
    [[nodiscard]] Task<void> stop();
    // The same from another thread.
    void stop_and_wait();
    // Cancels every task without waiting; the group accepts no more.
    void request_stop();

    [[nodiscard]] bool stopping() const;
    [[nodiscard]] size_t size() const;
    // Names of the tasks that run, for diagnostics. On the lane.
    [[nodiscard]] std::vector<std::string> names() const;

    [[nodiscard]] Lane& lane() const { return lane_; }

  private:
    struct State;

    Lane& lane_;
    std::shared_ptr<State> state_;
};

}  // namespace base

// A thread that runs what it is given, one thing after another, and then lets one step machine see
// what is to be done.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "base/clock.h"
#include "base/sync.h"

namespace engine {

//   threads   any; the destructor, and what is posted, not on the thread itself
//   lifetime  what was posted runs before stop() returns; what is posted later is dropped
class TurnThread {
  public:
    using Task = std::function<void()>;
    // returns  when to call it again, at the latest
    using Poll = std::function<base::SteadyTime()>;

    explicit TurnThread(std::string name);
    ~TurnThread();  // stop()
    TurnThread(const TurnThread&) = delete;
    TurnThread& operator=(const TurnThread&) = delete;

    // Called on the thread after whatever ran, and when it is time. Before the first call there is
    // none; null: no more.
    void set_poll(Poll poll) EXCLUDES_LOCK(mutex_);
    // Later, after what was posted before. Never blocks.
    void post(Task task) EXCLUDES_LOCK(mutex_);
    // Runs it there and waits. False: the thread has stopped, and it did not run.
    bool run(const Task& task) EXCLUDES_LOCK(mutex_);
    void stop() EXCLUDES_LOCK(mutex_);

  private:
    void work() EXCLUDES_LOCK(mutex_);

    base::Mutex mutex_;
    base::CondVar changed_;
    std::deque<Task> tasks_ GUARDED_BY(mutex_);
    bool stopping_ GUARDED_BY(mutex_) = false;
    Poll poll_;           // the thread's
    std::thread thread_;  // last: it uses everything above
};

}  // namespace engine

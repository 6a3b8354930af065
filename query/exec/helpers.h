// Threads that lend queries a hand, so that one query can use several cores.
#pragma once

#include <atomic>
#include <cstddef>
#include <deque>
#include <memory>
#include <thread>
#include <vector>

#include "base/sync.h"

namespace query::exec {

// Work that several threads can do at once.
class SharedWork {
  public:
    virtual ~SharedWork() = default;
    // Does what there is to do, and returns when nothing is left to begin. On a helper's thread.
    virtual void help() = 0;
};

// Helpers are asked, never waited for: whoever asks goes on by itself, and is helped when a thread
// is free. A helper that is idle is sent to another CPU than the one that asks: the kernel often
// wakes it on the same one, though others have nothing to do, and what queries ask for is done
// before it looks again.
//   threads   any
//   lifetime  outlives the queries that ask
class Helpers {
  public:
    // As many threads as that may work on queries beside the queries' own; they start when they are
    // asked for the first time. None: nobody helps.
    explicit Helpers(size_t threads) : most_(threads) {}

    ~Helpers();
    Helpers(const Helpers&) = delete;
    Helpers& operator=(const Helpers&) = delete;

    // A query's own thread that is at work: there is one core less for helpers.
    class Busy {
      public:
        explicit Busy(Helpers& helpers) : helpers_(helpers) { ++helpers_.busy_; }

        ~Busy() { --helpers_.busy_; }

        Busy(const Busy&) = delete;
        Busy& operator=(const Busy&) = delete;

      private:
        Helpers& helpers_;
    };

    // How many threads may come when they are asked now.
    [[nodiscard]] size_t free() const;

    // Asks one thread to help. False when none will come.
    [[nodiscard]] bool ask(std::shared_ptr<SharedWork> work);

  private:
    static constexpr size_t kAskedPerThread = 16;  // beyond it nobody is asked
    static constexpr int kNoCpu = -1;

    struct Helper {
        std::thread thread;
        base::CondVar called;
        bool idle = false;                // under mutex_: whether it is one of idle_
        std::atomic<int> avoids{kNoCpu};  // the CPU that it does not run on
    };

    void serve(Helper& helper);
    static void send_elsewhere(Helper& helper);

    const size_t most_;
    std::atomic<size_t> busy_{0};
    base::Mutex mutex_;
    std::deque<std::shared_ptr<SharedWork>> asked_ GUARDED_BY(mutex_);
    std::vector<std::unique_ptr<Helper>> helpers_ GUARDED_BY(mutex_);
    std::vector<Helper*> idle_ GUARDED_BY(mutex_);  // the one that was busy last is last
    bool stopping_ GUARDED_BY(mutex_) = false;
};

}  // namespace query::exec

// Mutex and condition variable with clang's thread-safety annotations. Hold a lock for memory work
// only: never across I/O, a callback or a co_await.
#pragma once

#include <condition_variable>
#include <mutex>

#define SKEIN_CAPABILITY(x) __attribute__((capability(x)))
#define SKEIN_SCOPED_CAPABILITY __attribute__((scoped_lockable))
#define GUARDED_BY(x) __attribute__((guarded_by(x)))
#define PT_GUARDED_BY(x) __attribute__((pt_guarded_by(x)))
#define REQUIRES_LOCK(...) __attribute__((requires_capability(__VA_ARGS__)))
#define EXCLUDES_LOCK(...) __attribute__((locks_excluded(__VA_ARGS__)))
#define ACQUIRE_LOCK(...) __attribute__((acquire_capability(__VA_ARGS__)))
#define TRY_ACQUIRE_LOCK(...) __attribute__((try_acquire_capability(__VA_ARGS__)))
#define RELEASE_LOCK(...) __attribute__((release_capability(__VA_ARGS__)))
#define RETURN_CAPABILITY(x) __attribute__((lock_returned(x)))
#define NO_LOCK_ANALYSIS __attribute__((no_thread_safety_analysis))

namespace base {

class SKEIN_CAPABILITY("mutex") Mutex {
  public:
    Mutex() = default;
    Mutex(const Mutex&) = delete;
    Mutex& operator=(const Mutex&) = delete;

    void lock() ACQUIRE_LOCK() { mutex_.lock(); }

    bool try_lock() TRY_ACQUIRE_LOCK(true) { return mutex_.try_lock(); }

    void unlock() RELEASE_LOCK() { mutex_.unlock(); }

  private:
    std::mutex mutex_;
};

// Holds a Mutex for a scope.
class SKEIN_SCOPED_CAPABILITY MutexLock {
  public:
    explicit MutexLock(Mutex& mutex) ACQUIRE_LOCK(mutex) : mutex_(mutex) { mutex_.lock(); }

    ~MutexLock() RELEASE_LOCK() { mutex_.unlock(); }

    MutexLock(const MutexLock&) = delete;
    MutexLock& operator=(const MutexLock&) = delete;

  private:
    Mutex& mutex_;
};

// A condition to wait for under a Mutex. Wait in a loop over the guarded state.
class CondVar {
  public:
    void wait(Mutex& mutex) REQUIRES_LOCK(mutex) NO_LOCK_ANALYSIS { condition_.wait(mutex); }

    // Returns false when the time passed without a notification.
    template <class Clock, class Duration>
    bool wait_until(Mutex& mutex, std::chrono::time_point<Clock, Duration> when)
        REQUIRES_LOCK(mutex) NO_LOCK_ANALYSIS {
        return condition_.wait_until(mutex, when) == std::cv_status::no_timeout;
    }

    void notify_one() { condition_.notify_one(); }

    void notify_all() { condition_.notify_all(); }

  private:
    std::condition_variable_any condition_;
};

}  // namespace base

#include "base/async/worker_pool.h"

#include <deque>
#include <thread>

#include <pthread.h>

#include "base/async/waiter.h"
#include "base/check.h"
#include "base/sync.h"

namespace base {

// One thread. Those that wait are a stack: the one that worked last, whose memory is still in its
// caches, is woken first, and has its job with it.
struct Worker {
    CondVar wake;
    std::function<void()> job;  // guarded by the pool's mutex, as long as the worker is idle
    bool given = false;         // the same
};

struct WorkerPool::State {
    void work(Worker& self);
    [[nodiscard]] std::function<void()> take(Worker& self) EXCLUDES_LOCK(mutex);
    void finished() EXCLUDES_LOCK(mutex);

    mutable Mutex mutex;
    std::vector<std::unique_ptr<Worker>> workers;  // all
    std::vector<Worker*> idle GUARDED_BY(mutex);   // as long as nothing is queued
    std::deque<std::function<void()>> queue GUARDED_BY(mutex);
    size_t running GUARDED_BY(mutex) = 0;
    bool stopping GUARDED_BY(mutex) = false;
    std::vector<std::thread> threads;
};

// The next job; null when the pool stops and nothing is left.
std::function<void()> WorkerPool::State::take(Worker& self) {
    const MutexLock lock(mutex);
    if (queue.empty() && !stopping) {
        idle.push_back(&self);
        while (!self.given && !stopping) {
            self.wake.wait(mutex);
        }
        if (std::exchange(self.given, false)) {
            return std::move(self.job);  // counted by who gave it
        }
    }
    if (queue.empty()) {
        return nullptr;
    }
    std::function<void()> job = std::move(queue.front());
    queue.pop_front();
    ++running;
    return job;
}

void WorkerPool::State::finished() {
    const MutexLock lock(mutex);
    --running;
}

void WorkerPool::State::work(Worker& self) {
    while (std::function<void()> job = take(self)) {
        job();
        job = nullptr;
        finished();
    }
}

WorkerPool::WorkerPool(WorkerPoolOptions options)
    : options_(std::move(options)), state_(std::make_unique<State>()) {
    SKEIN_CHECK(options_.threads > 0, "a pool has threads:", options_.name);
    for (size_t i = 0; i < options_.threads; ++i) {
        Worker& worker = *state_->workers.emplace_back(std::make_unique<Worker>());
        state_->threads.emplace_back([this, &worker, name = options_.name.substr(0, 15)] {
            pthread_setname_np(pthread_self(), name.c_str());
            state_->work(worker);
        });
    }
}

WorkerPool::~WorkerPool() {
    stop();
}

Status WorkerPool::submit(std::function<void()> job) {
    Worker* woken = nullptr;
    {
        const MutexLock lock(state_->mutex);
        if (state_->stopping) {
            return fail(Code::kUnavailable, options_.name, "is stopping");
        }
        if (!state_->idle.empty()) {
            woken = state_->idle.back();
            state_->idle.pop_back();
            woken->job = std::move(job);
            woken->given = true;
            ++state_->running;
        } else if (state_->queue.size() >= options_.queue_max) {
            return fail(Code::kLimit,
                        "too many waiting jobs in",
                        options_.name,
                        "limit",
                        options_.queue_max);
        } else {
            state_->queue.push_back(std::move(job));
        }
    }
    if (woken != nullptr) {
        woken->wake.notify_one();
    }
    return success();
}

Task<void> WorkerPool::run(std::function<void()> job) {
    Lane& lane = this_lane();
    Waiter waiter(lane);
    // The wake-up is posted to the lane, so it comes after the wait has begun.
    std::function<void()> work = [&lane, &waiter, job = std::move(job)] {
        job();
        lane.post([&waiter] { waiter.wake(); });
    };
    CO_TRY(submit(std::move(work)));
    (void)co_await waiter.wait(false);
    co_return success();
}

void WorkerPool::stop() {
    {
        const MutexLock lock(state_->mutex);
        state_->stopping = true;
    }
    for (const auto& worker : state_->workers) {
        worker->wake.notify_one();
    }
    for (std::thread& thread : state_->threads) {
        thread.join();
    }
    state_->threads.clear();
}

size_t WorkerPool::queued() const {
    const MutexLock lock(state_->mutex);
    return state_->queue.size();
}

size_t WorkerPool::running() const {
    const MutexLock lock(state_->mutex);
    return state_->running;
}

}  // namespace base

#include "base/async/worker_pool.h"

#include <deque>
#include <thread>

#include <pthread.h>

#include "base/async/waiter.h"
#include "base/check.h"
#include "base/sync.h"

namespace base {

struct WorkerPool::State {
    void work();
    [[nodiscard]] std::function<void()> take() EXCLUDES_LOCK(mutex);
    void finished() EXCLUDES_LOCK(mutex);

    mutable Mutex mutex;
    CondVar changed;
    std::deque<std::function<void()>> queue GUARDED_BY(mutex);
    size_t running GUARDED_BY(mutex) = 0;
    bool stopping GUARDED_BY(mutex) = false;
    std::vector<std::thread> threads;
};

// The next job; null when the pool stops and nothing is left.
std::function<void()> WorkerPool::State::take() {
    const MutexLock lock(mutex);
    while (queue.empty() && !stopping) {
        changed.wait(mutex);
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

void WorkerPool::State::work() {
    while (std::function<void()> job = take()) {
        job();
        job = nullptr;
        finished();
    }
}

WorkerPool::WorkerPool(WorkerPoolOptions options)
    : options_(std::move(options)), state_(std::make_unique<State>()) {
    SKEIN_CHECK(options_.threads > 0, "a pool has threads:", options_.name);
    for (size_t i = 0; i < options_.threads; ++i) {
        state_->threads.emplace_back([this, name = options_.name.substr(0, 15)] {
            pthread_setname_np(pthread_self(), name.c_str());
            state_->work();
        });
    }
}

WorkerPool::~WorkerPool() {
    stop();
}

Status WorkerPool::submit(std::function<void()> job) {
    const MutexLock lock(state_->mutex);
    if (state_->stopping) {
        return fail(Code::kUnavailable, options_.name, "is stopping");
    }
    if (state_->queue.size() >= options_.queue_max) {
        return fail(
            Code::kLimit, "too many waiting jobs in", options_.name, "limit", options_.queue_max);
    }
    state_->queue.push_back(std::move(job));
    state_->changed.notify_one();
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
        state_->changed.notify_all();
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

#include "engine/cluster/turn_thread.h"

#include <chrono>
#include <future>

#include <pthread.h>

namespace engine {

using base::MutexLock;
using base::SteadyTime;

namespace {

constexpr size_t kThreadNameMax = 15;

}  // namespace

TurnThread::TurnThread(std::string name) : thread_([this] { work(); }) {
    name.resize(std::min(name.size(), kThreadNameMax));
    pthread_setname_np(thread_.native_handle(), name.c_str());
}

TurnThread::~TurnThread() {
    stop();
}

void TurnThread::set_poll(Poll poll) {
    run([this, &poll] { poll_ = std::move(poll); });
}

void TurnThread::post(Task task) {
    {
        const MutexLock lock(mutex_);
        if (stopping_) {
            return;
        }
        tasks_.push_back(std::move(task));
    }
    changed_.notify_all();
}

bool TurnThread::run(const Task& task) {
    // Shared: who waits may be gone before the thread is done with telling it.
    const auto ran = std::make_shared<std::promise<void>>();
    std::future<void> done = ran->get_future();
    {
        const MutexLock lock(mutex_);
        if (stopping_) {
            return false;
        }
        tasks_.emplace_back([&task, ran] {
            task();
            ran->set_value();
        });
    }
    changed_.notify_all();
    done.wait();
    return true;
}

void TurnThread::stop() {
    {
        const MutexLock lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) {
        thread_.join();
    }
}

void TurnThread::work() {
    SteadyTime next = SteadyTime::max();
    std::deque<Task> tasks;
    while (true) {
        {
            const MutexLock lock(mutex_);
            while (tasks_.empty() && !stopping_ && std::chrono::steady_clock::now() < next) {
                if (next == SteadyTime::max()) {
                    changed_.wait(mutex_);
                } else {
                    changed_.wait_until(mutex_, next);
                }
            }
            if (tasks_.empty() && stopping_) {
                return;
            }
            tasks.swap(tasks_);
        }
        for (Task& task : tasks) {
            task();
        }
        tasks.clear();
        next = poll_ ? poll_() : SteadyTime::max();
    }
}

}  // namespace engine

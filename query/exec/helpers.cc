#include "query/exec/helpers.h"

#include <algorithm>

#include <pthread.h>
#include <sched.h>

namespace query::exec {
Helpers::~Helpers() {
    std::vector<std::unique_ptr<Helper>> helpers;
    {
        const base::MutexLock lock(mutex_);
        stopping_ = true;
        helpers.swap(helpers_);
    }
    for (const auto& helper : helpers) {
        helper->called.notify_one();
    }
    for (const auto& helper : helpers) {
        helper->thread.join();
    }
}

size_t Helpers::free() const {
    // One busy thread is the one that asks.
    const size_t others = std::max<size_t>(busy_.load(std::memory_order_relaxed), 1) - 1;
    return most_ - std::min(most_, others);
}

bool Helpers::ask(std::shared_ptr<SharedWork> work) {
    Helper* idle = nullptr;
    {
        const base::MutexLock lock(mutex_);
        if (most_ == 0 || stopping_ || asked_.size() >= most_ * kAskedPerThread) {
            return false;
        }
        while (helpers_.size() < most_) {
            Helper& helper = *helpers_.emplace_back(std::make_unique<Helper>());
            helper.thread = std::thread([this, &helper] {
                pthread_setname_np(pthread_self(), "query helper");
                serve(helper);
            });
        }
        asked_.push_back(std::move(work));
        if (!idle_.empty()) {
            idle = idle_.back();
            idle_.pop_back();
            idle->idle = false;
        }
    }
    if (idle != nullptr) {
        send_elsewhere(*idle);
        idle->called.notify_one();
    }
    return true;
}

// Leaves the helper where it may run when this thread's own CPU is the only one, or not known.
void Helpers::send_elsewhere(Helper& helper) {
    const int here = sched_getcpu();
    cpu_set_t cpus;
    if (here < 0 || helper.avoids.load(std::memory_order_relaxed) == here ||
        sched_getaffinity(0, sizeof(cpus), &cpus) != 0) {
        return;
    }
    CPU_CLR(here, &cpus);
    if (CPU_COUNT(&cpus) != 0 &&
        pthread_setaffinity_np(helper.thread.native_handle(), sizeof(cpus), &cpus) == 0) {
        helper.avoids.store(here, std::memory_order_relaxed);
    }
}

void Helpers::serve(Helper& helper) {
    while (true) {
        std::shared_ptr<SharedWork> work;
        {
            const base::MutexLock lock(mutex_);
            while (asked_.empty() && !stopping_) {
                if (!helper.idle) {
                    helper.idle = true;
                    idle_.push_back(&helper);
                }
                helper.called.wait(mutex_);
            }
            if (stopping_) {
                return;
            }
            if (helper.idle) {  // nobody called: it woke up by itself
                helper.idle = false;
                std::erase(idle_, &helper);
            }
            work = std::move(asked_.front());
            asked_.pop_front();
        }
        work->help();
    }
}

}  // namespace query::exec

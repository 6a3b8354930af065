#include "query/exec/helpers.h"

#include <algorithm>

#include <pthread.h>

namespace query::exec {

Helpers::~Helpers() {
    std::vector<std::thread> threads;
    {
        const base::MutexLock lock(mutex_);
        stopping_ = true;
        threads.swap(threads_);
    }
    asked_for_.notify_all();
    for (std::thread& thread : threads) {
        thread.join();
    }
}

size_t Helpers::free() const {
    // One busy thread is the one that asks.
    const size_t others = std::max<size_t>(busy_.load(std::memory_order_relaxed), 1) - 1;
    return most_ - std::min(most_, others);
}

bool Helpers::ask(std::shared_ptr<SharedWork> work) {
    {
        const base::MutexLock lock(mutex_);
        if (most_ == 0 || stopping_ || asked_.size() >= most_ * kAskedPerThread) {
            return false;
        }
        while (threads_.size() < most_) {
            threads_.emplace_back([this] {
                pthread_setname_np(pthread_self(), "query helper");
                serve();
            });
        }
        asked_.push_back(std::move(work));
    }
    asked_for_.notify_one();
    return true;
}

void Helpers::serve() {
    while (true) {
        std::shared_ptr<SharedWork> work;
        {
            const base::MutexLock lock(mutex_);
            while (asked_.empty() && !stopping_) {
                asked_for_.wait(mutex_);
            }
            if (stopping_) {
                return;
            }
            work = std::move(asked_.front());
            asked_.pop_front();
        }
        work->help();
    }
}

}  // namespace query::exec

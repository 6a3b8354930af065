#include "query/exec/helpers.h"

#include <algorithm>

#include <pthread.h>

namespace query::exec {
namespace {

// Numbers that several threads take, one after the other.
class Numbers final : public SharedWork {
  public:
    Numbers(size_t count, const std::function<void(size_t)>& work) : count_(count), work_(work) {}

    void help() override {
        {
            const base::MutexLock lock(mutex_);
            if (closed_) {
                return;  // `work` is gone
            }
            ++helping_;
        }
        run();
        const base::MutexLock lock(mutex_);
        --helping_;
        left_.notify_one();
    }

    void run() {
        for (size_t i = next_++; i < count_; i = next_++) {
            work_(i);
        }
    }

    // Waits for the helpers; those that come later find nothing.
    void close() {
        const base::MutexLock lock(mutex_);
        closed_ = true;
        while (helping_ != 0) {
            left_.wait(mutex_);
        }
    }

  private:
    const size_t count_;
    const std::function<void(size_t)>& work_;
    std::atomic<size_t> next_{0};
    base::Mutex mutex_;
    base::CondVar left_;
    size_t helping_ GUARDED_BY(mutex_) = 0;
    bool closed_ GUARDED_BY(mutex_) = false;
};

}  // namespace

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

void spread(Helpers* helpers, size_t count, const std::function<void(size_t)>& work) {
    const size_t wanted =
        helpers == nullptr ? 0 : std::min(helpers->free(), std::max<size_t>(count, 1) - 1);
    if (wanted == 0) {
        for (size_t i = 0; i < count; ++i) {
            work(i);
        }
        return;
    }
    const auto numbers = std::make_shared<Numbers>(count, work);
    for (size_t i = 0; i < wanted && helpers->ask(numbers); ++i) {
    }
    numbers->run();
    numbers->close();
}

}  // namespace query::exec

#include "query/exec/shared_pieces.h"

#include <algorithm>

namespace query::exec {
namespace {

// Numbers that several threads take, one after the other.
class Numbers final : public SharedPieces {
  public:
    Numbers(size_t count, const std::function<void(size_t)>& work) : count_(count), work_(work) {}

    void run(Helpers& helpers, const std::shared_ptr<Numbers>& self) {
        ask(count_, helpers, self);
        const base::MutexLock lock(mutex_);
        while (may_begin()) {
            do_next();
        }
        wait_for_helpers();
    }

  private:
    [[nodiscard]] bool may_begin() const override REQUIRES_LOCK(mutex_) { return next_ < count_; }

    void do_next() override REQUIRES_LOCK(mutex_) {
        const size_t number = next_++;
        mutex_.unlock();
        work_(number);
        mutex_.lock();
    }

    const size_t count_;
    const std::function<void(size_t)>& work_;  // gone when run() returns; then no number is left
    size_t next_ GUARDED_BY(mutex_) = 0;
};

}  // namespace

void SharedPieces::help() {
    const base::MutexLock lock(mutex_);
    ++helping_;
    while (may_begin()) {
        do_next();
        done_.notify_one();
    }
    --helping_;
    --asked_;
    done_.notify_one();
}

void SharedPieces::ask(size_t pieces, Helpers& helpers, const std::shared_ptr<SharedPieces>& self) {
    size_t wanted = 0;
    {
        const base::MutexLock lock(mutex_);
        wanted = std::min(helpers.free(), std::max<size_t>(pieces, 1) - 1);
        wanted -= std::min(wanted, asked_);
        asked_ += wanted;
    }
    for (; wanted > 0; --wanted) {
        if (!helpers.ask(self)) {
            const base::MutexLock lock(mutex_);
            --asked_;
        }
    }
}

void SharedPieces::wait_for_helpers() {
    while (helping_ != 0) {
        done_.wait(mutex_);
    }
}

void spread(Helpers* helpers, size_t count, const std::function<void(size_t)>& work) {
    if (helpers == nullptr) {
        for (size_t i = 0; i < count; ++i) {
            work(i);
        }
        return;
    }
    const auto numbers = std::make_shared<Numbers>(count, work);
    numbers->run(*helpers, numbers);
}

}  // namespace query::exec

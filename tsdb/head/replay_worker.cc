#include "tsdb/head/replay_worker.h"

#include <utility>

namespace tsdb {

void ReplayWorker::finish() {
    if (!thread_.joinable()) {
        return;
    }
    hand_over();
    {
        const base::MutexLock lock(mutex_);
        finished_ = true;
        changed_.notify_all();
    }
    thread_.join();
}

void ReplayWorker::hand_over() {
    if (filling_.empty()) {
        return;
    }
    pushed_ += filling_.size();
    const base::MutexLock lock(mutex_);
    while (waiting_.size() >= kBatchesWaiting) {
        changed_.wait(mutex_);
    }
    waiting_.push_back(std::exchange(filling_, {}));
    filling_.reserve(kBatchSamples);
    changed_.notify_all();
}

void ReplayWorker::run() {
    while (true) {
        std::vector<HeadSample> batch;
        {
            const base::MutexLock lock(mutex_);
            while (waiting_.empty() && !finished_) {
                changed_.wait(mutex_);
            }
            if (waiting_.empty()) {
                return;
            }
            batch = std::move(waiting_.front());
            waiting_.pop_front();
            changed_.notify_all();
        }
        appended_ +=
            head_.apply(batch, model::kMinTime, [](const HeadSample&, model::RejectReason) {});
    }
}

}  // namespace tsdb

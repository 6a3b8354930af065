#include "tsdb/head/replay_worker.h"

#include <utility>

namespace tsdb {

void ReplayWorker::push(ReplayedHistogram histogram) {
    if (!filling_.floats.empty()) {
        hand_over();
    }
    filling_.histograms.push_back(std::move(histogram));
    if (filling_.histograms.size() == kBatchHistograms) {
        hand_over();
    }
}

void ReplayWorker::drain() {
    hand_over();
    const base::MutexLock lock(mutex_);
    while (!waiting_.empty() || working_) {
        changed_.wait(mutex_);
    }
}

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
    if (filling_.floats.empty() && filling_.histograms.empty()) {
        return;
    }
    pushed_ += filling_.floats.size() + filling_.histograms.size();
    const base::MutexLock lock(mutex_);
    while (waiting_.size() >= kBatchesWaiting) {
        changed_.wait(mutex_);
    }
    waiting_.push_back(std::exchange(filling_, {}));
    filling_.floats.reserve(kBatchSamples);
    changed_.notify_all();
}

void ReplayWorker::run() {
    while (true) {
        Batch batch;
        {
            const base::MutexLock lock(mutex_);
            working_ = false;
            changed_.notify_all();
            while (waiting_.empty() && !finished_) {
                changed_.wait(mutex_);
            }
            if (waiting_.empty()) {
                return;
            }
            batch = std::move(waiting_.front());
            waiting_.pop_front();
            working_ = true;
            changed_.notify_all();
        }
        apply(batch);
    }
}

void ReplayWorker::apply(const Batch& batch) {
    appended_ +=
        head_.apply(batch.floats, model::kMinTime, [](const HeadSample&, model::RejectReason) {});
    for (const ReplayedHistogram& sample : batch.histograms) {
        const Admission admission = head_.apply_histogram({.series = sample.series,
                                                           .t = sample.t,
                                                           .integer = sample.integer.get(),
                                                           .floating = sample.floating.get()},
                                                          model::kMinTime);
        appended_ += admission == Admission::kAppend ? 1 : 0;
    }
}

}  // namespace tsdb

// A thread that appends replayed samples of its share of the partitions.
#pragma once

#include <cstdint>
#include <deque>
#include <thread>
#include <vector>

#include "base/sync.h"
#include "tsdb/head/head.h"

namespace tsdb {

//   threads  push() and finish(): one
class ReplayWorker {
  public:
    static constexpr size_t kBatchSamples = 8192;
    static constexpr size_t kBatchesWaiting = 8;  // push() waits while so many are queued

    explicit ReplayWorker(Head& head) : head_(head), thread_([this] { run(); }) {}

    ~ReplayWorker() { finish(); }

    ReplayWorker(const ReplayWorker&) = delete;
    ReplayWorker& operator=(const ReplayWorker&) = delete;

    void push(const HeadSample& sample) {
        filling_.push_back(sample);
        if (filling_.size() == kBatchSamples) {
            hand_over();
        }
    }

    // Waits until everything pushed is in the head.
    void finish();

    // Valid after finish().
    [[nodiscard]] uint64_t appended() const { return appended_; }

    [[nodiscard]] uint64_t pushed() const { return pushed_; }

  private:
    void hand_over() EXCLUDES_LOCK(mutex_);
    void run() EXCLUDES_LOCK(mutex_);

    Head& head_;
    std::vector<HeadSample> filling_;
    uint64_t pushed_ = 0;
    uint64_t appended_ = 0;  // of the thread
    base::Mutex mutex_;
    base::CondVar changed_;
    std::deque<std::vector<HeadSample>> waiting_ GUARDED_BY(mutex_);
    bool finished_ GUARDED_BY(mutex_) = false;
    std::thread thread_;  // last: uses everything above
};

}  // namespace tsdb

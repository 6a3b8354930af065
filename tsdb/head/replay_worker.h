// A thread that appends replayed samples of its share of the partitions.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <thread>
#include <vector>

#include "base/sync.h"
#include "tsdb/head/head.h"

namespace tsdb {

// A histogram that was read back; one of the two is set.
struct ReplayedHistogram {
    SlotEntry series;
    int64_t t = 0;
    std::shared_ptr<const model::Histogram> integer;
    std::shared_ptr<const model::FloatHistogram> floating;
};

//   threads  push(), drain() and finish(): one
class ReplayWorker {
  public:
    static constexpr size_t kBatchSamples = 8192;
    static constexpr size_t kBatchHistograms = 256;
    static constexpr size_t kBatchesWaiting = 8;  // push() waits while so many are queued

    explicit ReplayWorker(Head& head) : head_(head), thread_([this] { run(); }) {}

    ~ReplayWorker() { finish(); }

    ReplayWorker(const ReplayWorker&) = delete;
    ReplayWorker& operator=(const ReplayWorker&) = delete;

    void push(const HeadSample& sample) {
        if (!filling_.histograms.empty()) [[unlikely]] {
            hand_over();
        }
        filling_.floats.push_back(sample);
        if (filling_.floats.size() == kBatchSamples) {
            hand_over();
        }
    }

    void push(ReplayedHistogram histogram);

    // Waits until everything pushed is in the head.
    void drain() EXCLUDES_LOCK(mutex_);
    // The same, and ends the thread.
    void finish();

    // Valid after finish().
    [[nodiscard]] uint64_t appended() const { return appended_; }

    [[nodiscard]] uint64_t pushed() const { return pushed_; }

  private:
    // Of one kind: a series may change between them.
    struct Batch {
        std::vector<HeadSample> floats;
        std::vector<ReplayedHistogram> histograms;
    };

    void apply(const Batch& batch);
    void hand_over() EXCLUDES_LOCK(mutex_);
    void run() EXCLUDES_LOCK(mutex_);

    Head& head_;
    Batch filling_;
    uint64_t pushed_ = 0;
    uint64_t appended_ = 0;  // of the thread
    base::Mutex mutex_;
    base::CondVar changed_;
    std::deque<Batch> waiting_ GUARDED_BY(mutex_);
    bool working_ GUARDED_BY(mutex_) = false;
    bool finished_ GUARDED_BY(mutex_) = false;
    std::thread thread_;  // last: uses everything above
};

}  // namespace tsdb

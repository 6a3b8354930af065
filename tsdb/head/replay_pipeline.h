// The threads of a replay: records are read by one, decoded by whoever has time, and appended by
// the one thread that has their partition, in the order of the log.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <thread>
#include <vector>

#include "base/sync.h"
#include "tsdb/head/head.h"
#include "tsdb/head/replay_batch.h"
#include "tsdb/head/replay_decoder.h"

namespace tsdb {

// A batch is filled by the reader, waits, is decoded, and is handed out once all before it are: to
// each applier that has a partition of it. A batch that needs a series which only the reader can
// bring back holds up the ones behind it until the reader has.
//
// The table of series is read while batches are decoded: the reader changes it only after settle()
// and before the next push(), and when it is asked to salvage.
//   threads  one, the reader, calls everything
class ReplayPipeline {
  public:
    static constexpr unsigned kAppliersMax = 4;
    // All there are; the reader waits for one. So much of the log is in memory, and four times as
    // much decoded: kBatches * ReplayBatch::kRecordBytesTarget, if no record is larger than that.
    static constexpr size_t kBatches = 8;

    struct Applied {
        uint64_t samples = 0;
        uint64_t appended = 0;  // of them; the others were there, or are older than what is
    };

    // head, series, salvage  borrowed
    //   salvage      null: lost series stay lost
    //   min_valid_t  samples before it are in blocks
    ReplayPipeline(Head& head,
                   const RefTable<ReplayedSeries>& series,
                   int64_t min_valid_t,
                   const ReplayDecoder::Salvage* salvage);
    ~ReplayPipeline();
    ReplayPipeline(const ReplayPipeline&) = delete;
    ReplayPipeline& operator=(const ReplayPipeline&) = delete;

    // A record of samples.
    //   source  outlives the next settle()
    void push(base::ByteView record, const wal::Source& source, uint64_t offset)
        EXCLUDES_LOCK(mutex_);

    // Waits until everything pushed is decoded.
    //   returns  what was found since the last call
    ReplayTally settle() EXCLUDES_LOCK(mutex_);

    // Waits until everything pushed is in the head. May be called while salvaging: what stands in
    // front of the sample that the series is needed for counts as pushed.
    void drain() EXCLUDES_LOCK(mutex_);

    // drain(), and ends the threads.
    Applied finish() EXCLUDES_LOCK(mutex_);

  private:
    enum class State : uint8_t { kWaiting, kDecoding, kDecoded, kStopped };

    struct Entry {
        ReplayBatch batch;
        State state = State::kWaiting;
        unsigned appliers = 0;  // that have not appended their part
    };

    struct Applier {
        std::deque<Entry*> waiting;
        Applied applied;
        std::thread thread;
    };

    [[nodiscard]] unsigned applier_of(const ReplayRun& run) const {
        return run.partition % static_cast<unsigned>(appliers_.size());
    }

    void run(unsigned number) EXCLUDES_LOCK(mutex_);
    void decode(ReplayDecoder& decoder, Entry& entry) EXCLUDES_LOCK(mutex_);
    void apply(Entry& entry, unsigned number) EXCLUDES_LOCK(mutex_);
    void wait_until_one_is_free() EXCLUDES_LOCK(mutex_);
    void submit() EXCLUDES_LOCK(mutex_);
    void wait_until_decoded() EXCLUDES_LOCK(mutex_);
    void wait_until_applied() EXCLUDES_LOCK(mutex_);
    void salvage_first() EXCLUDES_LOCK(mutex_);

    [[nodiscard]] Entry* take_waiting() REQUIRES_LOCK(mutex_);
    [[nodiscard]] bool first_stopped() const REQUIRES_LOCK(mutex_);
    void hand_out() REQUIRES_LOCK(mutex_);
    void give_back(Entry& entry) REQUIRES_LOCK(mutex_);

    Head& head_;
    const RefTable<ReplayedSeries>& series_;
    const int64_t min_valid_t_;
    const ReplayDecoder::Salvage* salvage_;
    ReplayDecoder decoder_;  // the reader's
    std::vector<std::unique_ptr<Entry>> entries_;
    Entry* filling_ = nullptr;    // the reader's
    Entry* salvaging_ = nullptr;  // the reader's
    Applied applied_;             // by the reader

    base::Mutex mutex_;
    base::CondVar work_;      // for appliers
    base::CondVar progress_;  // for the reader
    std::vector<Entry*> free_ GUARDED_BY(mutex_);
    std::deque<Entry*> order_ GUARDED_BY(mutex_);    // that are not handed out
    std::deque<Entry*> waiting_ GUARDED_BY(mutex_);  // of them, those nobody decodes
    unsigned decoding_ GUARDED_BY(mutex_) = 0;
    bool paused_ GUARDED_BY(mutex_) = false;  // nobody begins to decode
    bool finished_ GUARDED_BY(mutex_) = false;
    ReplayTally tally_ GUARDED_BY(mutex_);
    // Last: their threads use everything above. The vector does not change; what waits and what was
    // applied is guarded by mutex_.
    std::vector<Applier> appliers_;
};

}  // namespace tsdb

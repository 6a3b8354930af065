// From records of samples to samples of series of the head.
#pragma once

#include <cstdint>
#include <functional>

#include "tsdb/head/head.h"
#include "tsdb/head/ref_table.h"
#include "tsdb/head/replay_batch.h"
#include "tsdb/head/sample_records.h"

namespace tsdb {

// A series by its ref: where it is, and up to when its samples lie in files.
struct ReplayedSeries {
    static constexpr uint32_t kNone = UINT32_MAX;
    uint32_t slot = kNone;
    int64_t filed_until = INT64_MIN;
};

//   threads  one at a time; several decoders may share what they borrow while nobody changes it
class ReplayDecoder {
  public:
    // What becomes of a ref that has no series: it may get one, in the table.
    //   returns  its series, or none
    using Salvage = std::function<ReplayedSeries(uint64_t ref)>;

    // head, series  borrowed
    //   min_valid_t  samples before it are in blocks
    ReplayDecoder(Head& head, const RefTable<ReplayedSeries>& series, int64_t min_valid_t)
        : head_(head), series_(series), min_valid_t_(min_valid_t) {}

    // Fills the batch with the samples of its records, and its tally.
    //   salvage  asked for series that are missing; null: there are none to be had
    void decode(ReplayBatch& batch, const Salvage* salvage = nullptr);

    // The same, but stops at the first series that is missing.
    //   returns  whether none was; if not, what is in the batch is of no use
    [[nodiscard]] bool decode_known(ReplayBatch& batch);

  private:
    void decode_record(ReplayBatch& batch, const ReplayBatch::Record& record);
    void append(ReplayBatch& batch, const wal::SampleEntry& entry);
    void append(ReplayBatch& batch, wal::HistogramEntry&& entry);
    void append(ReplayBatch& batch, wal::FloatHistogramEntry&& entry);
    [[nodiscard]] bool in_head(ReplayTally& tally, int64_t t) const;
    [[nodiscard]] uint32_t slot_for(ReplayTally& tally, uint64_t ref, int64_t t);
    [[nodiscard]] ReplayedSeries missing(ReplayTally& tally, uint64_t ref);

    Head& head_;
    const RefTable<ReplayedSeries>& series_;
    const int64_t min_valid_t_;
    SampleRecords samples_;
    const Salvage* salvage_ = nullptr;
    bool only_known_ = false;
    bool stopped_ = false;
};

}  // namespace tsdb

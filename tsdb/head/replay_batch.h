// Records of the write-ahead log on their way into the head.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/byte_view.h"
#include "tsdb/head/head.h"
#include "tsdb/wal/sources.h"

namespace tsdb {

// A histogram that was read back; one of the two is set.
struct ReplayedHistogram {
    SlotEntry series;
    int64_t t = 0;
    std::shared_ptr<const model::Histogram> integer;
    std::shared_ptr<const model::FloatHistogram> floating;
};

// Samples of one partition and one kind, in the order of the log.
struct ReplayRun {
    uint16_t partition = 0;
    bool histograms = false;
    uint32_t from = 0;  // among the batch's floats or histograms
    uint32_t to = 0;
};

// What was found in records of samples, besides samples to append.
struct ReplayTally {
    uint64_t repeated = 0;
    uint64_t unknown_refs = 0;
    uint64_t malformed = 0;
    uint64_t in_blocks = 0;
    int64_t newest_t = INT64_MIN;  // of all samples
    int64_t min_t = INT64_MAX;     // of those that are not in blocks
    int64_t max_t = INT64_MIN;
    std::vector<wal::Damage> damages;

    void add(const ReplayTally& other);
};

// Consecutive records of samples of one file, and the samples in them.
//   threads  changed by one at a time; any number may read
class ReplayBatch {
  public:
    // Records are added until there are so many bytes. What is decoded takes up to four times as
    // much again.
    static constexpr size_t kRecordBytesTarget = size_t{64} << 10;
    static constexpr size_t kSampleBytesMin = 10;  // of a record; becomes a HeadSample
    // Memory that stays with a batch that is used again; one whose records were larger gives it
    // back.
    static constexpr size_t kRecordBytesKept = size_t{256} << 10;
    static constexpr size_t kDecodedBytesKept = size_t{1} << 20;

    struct Record {
        size_t from = 0;
        size_t to = 0;
        uint64_t offset = 0;  // in its file
    };

    [[nodiscard]] bool empty() const { return records_.empty(); }

    [[nodiscard]] bool full() const { return bytes_.size() >= kRecordBytesTarget; }

    // Copies the record.
    //   source  that of the batch's other records; outlives the batch's use
    void add(base::ByteView record, const wal::Source& source, uint64_t offset);

    [[nodiscard]] const wal::Source& source() const { return *source_; }

    [[nodiscard]] const std::vector<Record>& records() const { return records_; }

    [[nodiscard]] base::ByteView bytes_of(const Record& record) const {
        return base::ByteView(bytes_).part(record.from, record.to - record.from);
    }

    // Makes room for the floats of all records.
    void reserve_floats() { floats_.reserve(bytes_.size() / kSampleBytesMin); }

    [[gnu::always_inline]] void push(const HeadSample& sample) {
        const auto at = static_cast<uint32_t>(floats_.size());
        floats_.push_back(sample);
        extend_run(sample.series.partition, false, at);
    }

    void push(ReplayedHistogram&& sample);

    // Brings together what short runs say of the same partition, when they are many. Every series'
    // samples stay in order.
    void gather();

    [[nodiscard]] const std::vector<ReplayRun>& runs() const { return runs_; }

    [[nodiscard]] uint64_t samples() const { return floats_.size() + histograms_.size(); }

    // Appends the run's samples.  returns  how many were new
    uint64_t apply_to(Head& head, const ReplayRun& run) const;

    // Forgets what was decoded, and everything.
    void clear_samples();
    void clear();

    ReplayTally tally;

  private:
    void extend_run(uint16_t partition, bool histograms, uint32_t at) {
        if (runs_.empty() || runs_.back().partition != partition ||
            runs_.back().histograms != histograms) [[unlikely]] {
            begin_run(partition, histograms, at);
        }
        runs_.back().to = at + 1;
    }

    void begin_run(uint16_t partition, bool histograms, uint32_t at);
    void sort_floats(size_t from, size_t to, std::vector<ReplayRun>& runs);

    const wal::Source* source_ = nullptr;
    std::string bytes_;
    std::vector<Record> records_;
    std::vector<HeadSample> floats_;
    std::vector<ReplayedHistogram> histograms_;
    std::vector<ReplayRun> runs_;
};

}  // namespace tsdb

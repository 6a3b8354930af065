// Commits that are logged with one write: which of their samples the head will take, and in what
// order they stand in the log.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "model/storage.h"
#include "tsdb/group_records.h"
#include "tsdb/head/head.h"
#include "tsdb/metrics.h"
#include "tsdb/out_of_order_log.h"

namespace tsdb {

// A commit between logging and answering.
struct AdmittedCommit {
    // Of the group's lists.
    struct Part {
        size_t from = 0;
        size_t count = 0;
    };

    int64_t min_valid_t = INT64_MIN;
    Part floats;
    Part histograms;
    Part exemplars;
    std::optional<int64_t> late_from;   // where the out-of-order window begins, if there is one
    std::vector<model::Rejected> late;  // what falls into it
    model::CommitReport report;

    void reject(CommitMetrics& metrics, model::Rejected rejected);
    // The same unless the sample falls into the out-of-order window.
    void reject_or_keep(CommitMetrics& metrics, int64_t t, model::Rejected rejected);
};

// A sample of the series that was staged as a float; as a histogram if it is a stale marker of a
// series of histograms, which ends with a stale one of the kind that it has.
[[nodiscard]] std::optional<HeadHistogram> as_stale_histogram(const SlotEntry& series,
                                                              const model::StagedFloat& sample,
                                                              uint32_t index);

// First begin(), then the commits one by one, then end(). What it holds borrows from the batches
// until the next begin().
//   threads   the log's
//   lifetime  what it is given outlives it
class CommitGroup {
  public:
    CommitGroup(Head& head,
                const OutOfOrderLog& late,
                GroupRecords& records,
                CommitMetrics& metrics)
        : head_(head), late_(late), records_(records), metrics_(metrics) {}

    CommitGroup(const CommitGroup&) = delete;
    CommitGroup& operator=(const CommitGroup&) = delete;

    void begin();
    // Encodes what the head will take; what it will not is in the commit's report.
    void admit(const model::AppendBatch& batch);

    // A commit that is not looked at, in its place.
    void skip() { commits_.emplace_back(); }

    void end();

    // Of the samples that were encoded; INT64_MIN: there are none.
    [[nodiscard]] int64_t max_time() const;

    // By the order in which they came.
    [[nodiscard]] AdmittedCommit& commit(size_t i) { return commits_[i]; }

    [[nodiscard]] std::span<const HeadSample> floats(const AdmittedCommit& commit) const {
        return std::span(floats_).subspan(commit.floats.from, commit.floats.count);
    }

    [[nodiscard]] std::span<const HeadHistogram> histograms(const AdmittedCommit& commit) const {
        return std::span(histograms_).subspan(commit.histograms.from, commit.histograms.count);
    }

    [[nodiscard]] std::span<const HeadExemplar> exemplars(const AdmittedCommit& commit) const {
        return std::span(exemplars_).subspan(commit.exemplars.from, commit.exemplars.count);
    }

  private:
    void set_bounds(const model::AppendBatch& batch, AdmittedCommit& commit) const;
    void admit_float(const model::StagedFloat& sample, uint32_t index, AdmittedCommit& commit);
    void admit_histogram(const HeadHistogram& sample, AdmittedCommit& commit);
    void admit_exemplars(const model::AppendBatch& batch, AdmittedCommit& commit);

    Head& head_;
    const OutOfOrderLog& late_;
    GroupRecords& records_;
    CommitMetrics& metrics_;

    // Kept for their memory.
    std::vector<HeadSample> floats_;
    std::vector<HeadHistogram> histograms_;
    std::vector<HeadExemplar> exemplars_;
    std::vector<AdmittedCommit> commits_;
};

}  // namespace tsdb

// What was logged goes into the head.
#pragma once

#include "base/result.h"
#include "model/storage.h"
#include "tsdb/commit_group.h"
#include "tsdb/head/head.h"
#include "tsdb/metrics.h"
#include "tsdb/out_of_order_log.h"

namespace tsdb {

//   threads   the log's
//   lifetime  what it is given outlives it
class CommitApplier {
  public:
    CommitApplier(Head& head, OutOfOrderLog& late, CommitMetrics& metrics)
        : head_(head), late_(late), metrics_(metrics) {}

    // Applies what the group has of the commit, admitting it again: of two samples of a series in
    // one group the first decides about the second.
    void apply(const CommitGroup& group, AdmittedCommit& commit);

    // Logs and stores what falls into the out-of-order window.
    //   returns  whether it is in the log; if not it is kept in memory
    //   errors   as OutOfOrderLog::append(): the samples in order are stored all the same, and meet
    //            themselves when the commit is tried again
    [[nodiscard]] base::Result<bool> store_late(AdmittedCommit& commit,
                                                const model::AppendBatch& batch);

  private:
    // Of samples that were applied.
    struct Times {
        int64_t min_t = INT64_MAX;
        int64_t max_t = INT64_MIN;

        void take(int64_t t);
    };

    void apply_floats(const CommitGroup& group, AdmittedCommit& commit, Times& times);
    void apply_histograms(const CommitGroup& group, AdmittedCommit& commit, Times& times);
    [[nodiscard]] LateSample late_sample(const model::Rejected& late,
                                         const model::AppendBatch& batch) const;

    Head& head_;
    OutOfOrderLog& late_;
    CommitMetrics& metrics_;
};

}  // namespace tsdb

#include "tsdb/commit_applier.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace tsdb {

void CommitApplier::Times::take(int64_t t) {
    min_t = std::min(min_t, t);
    max_t = std::max(max_t, t);
}

void CommitApplier::apply(const CommitGroup& group, AdmittedCommit& commit) {
    Times times;
    apply_floats(group, commit, times);
    apply_histograms(group, commit, times);
    for (const HeadExemplar& one : group.exemplars(commit)) {
        head_.exemplars().add(one.ref, one.slot, model::Exemplar(*one.exemplar));
    }
    if (times.min_t <= times.max_t) {
        head_.extend(times.min_t, times.max_t);
    }
}

void CommitApplier::apply_floats(const CommitGroup& group, AdmittedCommit& commit, Times& times) {
    const auto samples = group.floats(commit);
    if (samples.empty()) {
        return;
    }
    uint64_t refused = 0;
    const uint64_t appended = head_.apply(
        samples, commit.min_valid_t, [&](const HeadSample& sample, model::RejectReason reason) {
            ++refused;
            commit.reject_or_keep(metrics_, sample.t, {.index = sample.index, .reason = reason});
        });
    commit.report.accepted += static_cast<uint32_t>(samples.size() - refused);
    metrics_.floats_appended.add(appended);
    for (const HeadSample& sample : samples) {
        times.take(sample.t);
    }
}

void CommitApplier::apply_histograms(const CommitGroup& group,
                                     AdmittedCommit& commit,
                                     Times& times) {
    for (const HeadHistogram& sample : group.histograms(commit)) {
        const Admission admission = head_.apply_histogram(sample, commit.min_valid_t);
        if (const auto reason = reject_reason(admission); reason) {
            commit.reject_or_keep(
                metrics_,
                sample.t,
                {.index = sample.index, .reason = *reason, .histogram = !sample.of_float});
            continue;
        }
        ++commit.report.accepted;
        if (admission == Admission::kAppend) {
            metrics_.histograms_appended.add();
            times.take(sample.t);
        }
    }
}

base::Result<bool> CommitApplier::store_late(AdmittedCommit& commit,
                                             const model::AppendBatch& batch) {
    std::vector<LateSample> samples;
    samples.reserve(commit.late.size());
    for (const model::Rejected& late : commit.late) {
        samples.push_back(late_sample(late, batch));
        samples.back().index = static_cast<uint32_t>(samples.size() - 1);
    }
    uint64_t refused = 0;
    LateStored stored;
    auto logged = late_.append(
        samples,
        [&](const LateSample& sample) {
            model::Rejected rejected = commit.late[sample.index];
            rejected.reason = model::RejectReason::kDuplicateTimestamp;
            commit.reject(metrics_, rejected);
            ++refused;
        },
        stored);
    metrics_.late_floats_appended.add(stored.floats);
    metrics_.late_histograms_appended.add(stored.histograms);
    if (logged) {
        commit.report.accepted += static_cast<uint32_t>(samples.size() - refused);
    }
    return logged;
}

LateSample CommitApplier::late_sample(const model::Rejected& late,
                                      const model::AppendBatch& batch) const {
    if (late.histogram) {
        const model::StagedHistogram& staged = batch.histograms[late.index];
        return {.series = head_.find(staged.series),
                .slot = staged.series.slot,
                .sample = {.t = staged.t, .integer = staged.integer, .floating = staged.floating}};
    }
    const model::StagedFloat& staged = batch.floats[late.index];
    LateSample sample{.series = head_.find(staged.series), .slot = staged.series.slot};
    sample.sample.t = staged.t;
    if (const auto stale = as_stale_histogram(sample.series, staged, late.index)) {
        if (stale->integer != nullptr) {
            sample.sample.integer = std::make_shared<const model::Histogram>(*stale->integer);
        } else {
            sample.sample.floating =
                std::make_shared<const model::FloatHistogram>(*stale->floating);
        }
        return sample;
    }
    sample.sample.v = staged.v;
    return sample;
}

}  // namespace tsdb

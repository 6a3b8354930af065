#include "tsdb/commit_group.h"

#include <algorithm>
#include <bit>

#include "model/histogram_layout.h"
#include "model/sample.h"

namespace tsdb {
namespace {

constexpr size_t kPrefetchAhead = 16;  // records asked for before they are needed

template <class AnyHistogram>
const AnyHistogram& stale() {
    static const AnyHistogram stale = [] {
        AnyHistogram histogram;
        histogram.sum = model::kStaleNan;
        return histogram;
    }();
    return stale;
}

}  // namespace

std::optional<HeadHistogram> as_stale_histogram(const SlotEntry& series,
                                                const model::StagedFloat& sample,
                                                uint32_t index) {
    if (!model::is_stale(sample.v) || !series.record->is(SeriesRecord::kHistograms)) {
        return std::nullopt;
    }
    const bool floating = series.record->has_open() && series.record->histograms->writer.is_float();
    return HeadHistogram{.series = series,
                         .t = sample.t,
                         .integer = floating ? nullptr : &stale<model::Histogram>(),
                         .floating = floating ? &stale<model::FloatHistogram>() : nullptr,
                         .index = index,
                         .of_float = true};
}

void AdmittedCommit::reject(CommitMetrics& metrics, model::Rejected rejected) {
    metrics.count_rejected(rejected.reason);
    report.rejected.push_back(rejected);
}

void AdmittedCommit::reject_or_keep(CommitMetrics& metrics, int64_t t, model::Rejected rejected) {
    const bool comes_late = rejected.reason == model::RejectReason::kOutOfOrder ||
                            rejected.reason == model::RejectReason::kOutOfBounds;
    if (late_from && comes_late) {
        if (t >= *late_from) {
            late.push_back(rejected);
            return;
        }
        rejected.reason = model::RejectReason::kTooOld;
    }
    reject(metrics, rejected);
}

void CommitGroup::begin() {
    commits_.clear();
    floats_.clear();
    histograms_.clear();
    exemplars_.clear();
    records_.begin();
}

void CommitGroup::admit(const model::AppendBatch& batch) {
    AdmittedCommit commit;
    commit.floats.from = floats_.size();
    commit.histograms.from = histograms_.size();
    set_bounds(batch, commit);
    for (size_t i = 0; i < batch.floats.size(); ++i) {
        if (i + kPrefetchAhead < batch.floats.size()) {
            __builtin_prefetch(head_.at(batch.floats[i + kPrefetchAhead].series.slot).record);
        }
        admit_float(batch.floats[i], static_cast<uint32_t>(i), commit);
    }
    for (size_t i = 0; i < batch.histograms.size(); ++i) {
        const model::StagedHistogram& staged = batch.histograms[i];
        admit_histogram({.series = head_.find(staged.series),
                         .t = staged.t,
                         .integer = staged.integer.get(),
                         .floating = staged.floating.get(),
                         .index = static_cast<uint32_t>(i)},
                        commit);
    }
    commit.floats.count = floats_.size() - commit.floats.from;
    commit.histograms.count = histograms_.size() - commit.histograms.from;
    records_.add_histograms(histograms(commit));
    admit_exemplars(batch, commit);
    commits_.push_back(std::move(commit));
}

void CommitGroup::set_bounds(const model::AppendBatch& batch, AdmittedCommit& commit) const {
    if (batch.floats.empty() && batch.histograms.empty()) {
        return;
    }
    const int64_t first_t =
        batch.floats.empty() ? batch.histograms.front().t : batch.floats.front().t;
    commit.min_valid_t = head_.min_valid_time(first_t);
    if (const int64_t window = late_.window(); window > 0) [[unlikely]] {
        const int64_t newest = head_.min_time() > head_.max_time() ? first_t : head_.max_time();
        commit.late_from = newest < INT64_MIN + window ? INT64_MIN : newest - window;
    }
}

void CommitGroup::admit_float(const model::StagedFloat& sample,
                              uint32_t index,
                              AdmittedCommit& commit) {
    const SlotEntry series = head_.find(sample.series);
    if (series.record == nullptr) [[unlikely]] {
        commit.reject(metrics_, {.index = index, .reason = model::RejectReason::kUnknownSeries});
        return;
    }
    const auto bits = std::bit_cast<uint64_t>(sample.v);
    if (bits == model::kStaleNanBits) [[unlikely]] {
        if (const auto stale = as_stale_histogram(series, sample, index)) {
            admit_histogram(*stale, commit);
            return;
        }
    }
    const Admission admission = tsdb::admit(*series.record, sample.t, bits, commit.min_valid_t);
    if (admission != Admission::kAppend) [[unlikely]] {
        if (const auto reason = reject_reason(admission)) {
            commit.reject_or_keep(metrics_, sample.t, {.index = index, .reason = *reason});
        } else {
            ++commit.report.accepted;
        }
        return;
    }
    records_.add_float(series.record->ref(), sample.t, bits);
    floats_.push_back({.series = series, .t = sample.t, .bits = bits, .index = index});
}

void CommitGroup::admit_histogram(const HeadHistogram& sample, AdmittedCommit& commit) {
    const auto refuse = [&](model::RejectReason reason) {
        commit.reject_or_keep(
            metrics_,
            sample.t,
            {.index = sample.index, .reason = reason, .histogram = !sample.of_float});
    };
    if (sample.series.record == nullptr) {
        refuse(model::RejectReason::kUnknownSeries);
        return;
    }
    const bool well_formed = sample.integer != nullptr ? model::well_formed(*sample.integer)
                                                       : model::well_formed(*sample.floating);
    if (!well_formed) {
        refuse(model::RejectReason::kNotStored);
        return;
    }
    const SeriesRecord& series = *sample.series.record;
    const Admission admission =
        sample.integer != nullptr
            ? tsdb::admit_histogram(series, sample.t, *sample.integer, commit.min_valid_t)
            : tsdb::admit_histogram(series, sample.t, *sample.floating, commit.min_valid_t);
    if (admission == Admission::kAppend) {
        histograms_.push_back(sample);
    } else if (const auto reason = reject_reason(admission); reason) {
        refuse(*reason);
    } else {
        ++commit.report.accepted;
    }
}

void CommitGroup::admit_exemplars(const model::AppendBatch& batch, AdmittedCommit& commit) {
    commit.exemplars.from = exemplars_.size();
    for (const model::StagedExemplar& staged : batch.exemplars) {
        const SlotEntry series = head_.find(staged.series);
        if (series.record == nullptr) {
            continue;
        }
        const uint64_t ref = series.record->ref();
        const ExemplarVerdict verdict = head_.exemplars().examine(ref, staged.exemplar);
        if (verdict == ExemplarVerdict::kAdded) {
            exemplars_.push_back(
                {.ref = ref, .slot = staged.series.slot, .exemplar = &staged.exemplar});
        } else if (verdict == ExemplarVerdict::kOutOfOrder) {
            ++commit.report.exemplars_out_of_order;
        }
    }
    commit.exemplars.count = exemplars_.size() - commit.exemplars.from;
}

void CommitGroup::end() {
    records_.add_exemplars(exemplars_);
    records_.end();
}

int64_t CommitGroup::max_time() const {
    int64_t max_t = INT64_MIN;
    for (const HeadSample& sample : floats_) {
        max_t = std::max(max_t, sample.t);
    }
    for (const HeadHistogram& sample : histograms_) {
        max_t = std::max(max_t, sample.t);
    }
    return max_t;
}

}  // namespace tsdb

#include "tsdb/head/replay_batch.h"

#include <span>
#include <utility>

namespace tsdb {
namespace {

template <class T>
void forget(std::vector<T>& entries, size_t kept_bytes) {
    entries.clear();
    if (entries.capacity() * sizeof(T) > kept_bytes) {
        entries.shrink_to_fit();
    }
}

}  // namespace

void ReplayTally::add(const ReplayTally& other) {
    repeated += other.repeated;
    unknown_refs += other.unknown_refs;
    malformed += other.malformed;
    in_blocks += other.in_blocks;
    newest_t = std::max(newest_t, other.newest_t);
    min_t = std::min(min_t, other.min_t);
    max_t = std::max(max_t, other.max_t);
    damages.insert(damages.end(), other.damages.begin(), other.damages.end());
}

void ReplayBatch::add(base::ByteView record, const wal::Source& source, uint64_t offset) {
    source_ = &source;
    const size_t from = bytes_.size();
    bytes_.append(record.text());
    records_.push_back({.from = from, .to = bytes_.size(), .offset = offset});
}

void ReplayBatch::push(ReplayedHistogram&& sample) {
    const auto at = static_cast<uint32_t>(histograms_.size());
    const uint16_t partition = sample.series.partition;
    histograms_.push_back(std::move(sample));
    extend_run(partition, true, at);
}

void ReplayBatch::begin_run(uint16_t partition, bool histograms, uint32_t at) {
    runs_.push_back({.partition = partition, .histograms = histograms, .from = at, .to = at});
}

void ReplayBatch::gather() {
    if (runs_.size() <= Head::kPartitions) {
        return;
    }
    std::vector<ReplayRun> runs;
    for (size_t from = 0, to = 0; from < runs_.size(); from = to) {
        to = from + 1;
        while (!runs_[from].histograms && to < runs_.size() && !runs_[to].histograms) {
            ++to;
        }
        if (to - from <= Head::kPartitions) {
            runs.insert(runs.end(),
                        runs_.begin() + static_cast<std::ptrdiff_t>(from),
                        runs_.begin() + static_cast<std::ptrdiff_t>(to));
        } else {
            sort_floats(runs_[from].from, runs_[to - 1].to, runs);
        }
    }
    runs_ = std::move(runs);
}

void ReplayBatch::sort_floats(size_t from, size_t to, std::vector<ReplayRun>& runs) {
    const std::vector<HeadSample> sorted =
        Head::sort_by_partition(std::span(floats_).subspan(from, to - from));
    std::ranges::copy(sorted, floats_.begin() + static_cast<std::ptrdiff_t>(from));
    for (size_t at = from; at < to;) {
        const size_t begin = at;
        const uint16_t partition = floats_[begin].series.partition;
        while (at < to && floats_[at].series.partition == partition) {
            ++at;
        }
        runs.push_back({.partition = partition,
                        .histograms = false,
                        .from = static_cast<uint32_t>(begin),
                        .to = static_cast<uint32_t>(at)});
    }
}

uint64_t ReplayBatch::apply_to(Head& head, const ReplayRun& run) const {
    const size_t count = run.to - run.from;
    if (!run.histograms) {
        return head.apply_run(std::span(floats_).subspan(run.from, count),
                              model::kMinTime,
                              [](const HeadSample&, model::RejectReason) {});
    }
    uint64_t appended = 0;
    for (const ReplayedHistogram& sample : std::span(histograms_).subspan(run.from, count)) {
        const Admission admission = head.apply_histogram({.series = sample.series,
                                                          .t = sample.t,
                                                          .integer = sample.integer.get(),
                                                          .floating = sample.floating.get()},
                                                         model::kMinTime);
        appended += admission == Admission::kAppend ? 1 : 0;
    }
    return appended;
}

void ReplayBatch::clear_samples() {
    forget(floats_, kDecodedBytesKept);
    forget(histograms_, kDecodedBytesKept);
    forget(runs_, kDecodedBytesKept);
}

void ReplayBatch::clear() {
    clear_samples();
    tally = {};
    records_.clear();
    bytes_.clear();
    if (bytes_.capacity() > kRecordBytesKept) {
        bytes_.shrink_to_fit();
    }
}

}  // namespace tsdb

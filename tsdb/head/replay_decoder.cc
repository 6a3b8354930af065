#include "tsdb/head/replay_decoder.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace tsdb {

void ReplayDecoder::decode(ReplayBatch& batch, const Salvage* salvage) {
    salvage_ = salvage;
    only_known_ = false;
    batch.clear_samples();
    batch.tally = {};
    for (const ReplayBatch::Record& record : batch.records()) {
        decode_record(batch, record);
    }
    batch.gather();
}

bool ReplayDecoder::decode_known(ReplayBatch& batch) {
    only_known_ = true;
    stopped_ = false;
    for (const ReplayBatch::Record& record : batch.records()) {
        decode_record(batch, record);
        if (stopped_) [[unlikely]] {
            return false;
        }
    }
    batch.gather();
    return true;
}

void ReplayDecoder::decode_record(ReplayBatch& batch, const ReplayBatch::Record& at) {
    const base::ByteView record = batch.bytes_of(at);
    const base::Status status = samples_.take(
        static_cast<wal::RecordType>(wal::record_type(record)),
        record,
        batch.tally.malformed,
        [&]<class Entry>(Entry&& entry) { append(batch, std::forward<Entry>(entry)); });
    if (!status) {
        ++batch.tally.malformed;
        batch.tally.damages.push_back(
            wal::malformed_record(batch.source(), at.offset, record, status.error()));
    }
}

inline bool ReplayDecoder::in_head(ReplayTally& tally, int64_t t) const {
    tally.newest_t = std::max(tally.newest_t, t);
    if (t < min_valid_t_) {
        ++tally.in_blocks;
        return false;
    }
    tally.min_t = std::min(tally.min_t, t);
    tally.max_t = std::max(tally.max_t, t);
    return true;
}

// The slot of a sample that is to be appended, or none.
inline uint32_t ReplayDecoder::slot_for(ReplayTally& tally, uint64_t ref, int64_t t) {
    if (!in_head(tally, t)) {
        return ReplayedSeries::kNone;
    }
    ReplayedSeries series = series_.get(ref);
    if (series.slot == ReplayedSeries::kNone) [[unlikely]] {
        series = missing(tally, ref);
        if (series.slot == ReplayedSeries::kNone) {
            return ReplayedSeries::kNone;
        }
    }
    if (t <= series.filed_until) {
        ++tally.repeated;
        return ReplayedSeries::kNone;
    }
    return series.slot;
}

ReplayedSeries ReplayDecoder::missing(ReplayTally& tally, uint64_t ref) {
    if (only_known_) {
        stopped_ = true;
        return {};
    }
    const ReplayedSeries salvaged = salvage_ != nullptr ? (*salvage_)(ref) : ReplayedSeries();
    if (salvaged.slot == ReplayedSeries::kNone) {
        head_.reserve_ref(std::min(ref, kSeriesRefMax));
        ++tally.unknown_refs;
    }
    return salvaged;
}

inline void ReplayDecoder::append(ReplayBatch& batch, const wal::SampleEntry& entry) {
    const uint32_t slot = slot_for(batch.tally, entry.ref, entry.t);
    if (slot != ReplayedSeries::kNone) {
        batch.push({.series = head_.at(slot), .t = entry.t, .bits = entry.bits, .index = 0});
    }
}

void ReplayDecoder::append(ReplayBatch& batch, wal::HistogramEntry&& entry) {
    const uint32_t slot = slot_for(batch.tally, entry.ref, entry.t);
    if (slot != ReplayedSeries::kNone) {
        batch.push(ReplayedHistogram{
            .series = head_.at(slot),
            .t = entry.t,
            .integer = std::make_shared<const model::Histogram>(std::move(entry.histogram)),
            .floating = nullptr});
    }
}

void ReplayDecoder::append(ReplayBatch& batch, wal::FloatHistogramEntry&& entry) {
    const uint32_t slot = slot_for(batch.tally, entry.ref, entry.t);
    if (slot != ReplayedSeries::kNone) {
        batch.push(ReplayedHistogram{
            .series = head_.at(slot),
            .t = entry.t,
            .integer = nullptr,
            .floating = std::make_shared<const model::FloatHistogram>(std::move(entry.histogram))});
    }
}

}  // namespace tsdb

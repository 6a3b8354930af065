#include "tsdb/side_log.h"

#include <algorithm>

#include "base/bytes.h"

namespace tsdb {
namespace {

constexpr size_t kHeadSeriesAtOnce = 1024;

}  // namespace

SideLog::SideLog(base::Files& files,
                 const base::Clock& clock,
                 base::Logger log,
                 const base::Path& data_folder)
    : files_(files),
      clock_(clock),
      log_(std::move(log)),
      folder_(base::join_path(base::join_path(data_folder, "skein"), "series_log")) {}

void SideLog::read(std::optional<uint32_t> newest_segment) {
    reader_.emplace(files_, folder_, newest_segment);
    if (reader_->damaged_bytes() != 0) {
        log_.warn("series side log damaged: it is only needed where the write-ahead log is too",
                  "damaged_bytes",
                  reader_->damaged_bytes());
    }
}

model::Labels SideLog::recall(uint64_t ref, uint32_t segment) {
    model::Labels labels;
    if (reader_) {
        const auto entry = reader_->find(ref, segment);
        if (entry && !model::Labels::from_packed(entry->packed, entry->labels, labels)) {
            return {};
        }
    }
    return labels;
}

uint64_t SideLog::greatest_ref() const {
    return reader_ ? std::min(reader_->greatest_ref(), kSeriesRefMax) : 0;
}

void SideLog::begin(const Head& head, uint32_t segment) {
    const bool fresh = !reader_ || !reader_->trusted();
    reader_.reset();
    auto opened = wal::SeriesLog::open(files_, folder_, fresh);
    if (!opened) {
        report(opened.error());
        return;
    }
    series_log_ = std::move(opened).value();
    if (fresh) {
        note_head(head, segment);
    }
    sync(segment);
}

void SideLog::note_head(const Head& head, uint32_t segment) {
    const Symbols& symbols = *head.symbols();
    std::string bytes;
    std::vector<wal::SeriesEntry> batch;
    std::vector<size_t> starts;
    const auto append = [&] {
        for (size_t i = 0; i < batch.size(); ++i) {
            const size_t end = i + 1 < starts.size() ? starts[i + 1] : bytes.size();
            batch[i].packed = std::string_view(bytes).substr(starts[i], end - starts[i]);
        }
        const base::Status status = series_log_->append(segment, batch);
        if (!status) {
            report(status.error());
        }
        bytes.clear();
        batch.clear();
        starts.clear();
    };
    for (uint32_t slot = 0; slot < head.slots_end();) {
        {
            base::ByteWriter out(bytes);
            for (; slot < head.slots_end() && batch.size() < kHeadSeriesAtOnce; ++slot) {
                const SlotEntry entry = head.at(slot);
                if (entry.record == nullptr) {
                    continue;
                }
                const LabelSet labels = head.labels_of(slot);
                starts.push_back(out.position());
                for (size_t i = 0; i < labels.names.size(); ++i) {
                    out.str(symbols.text(labels.names[i]));
                    out.str(symbols.text(labels.values[i]));
                }
                batch.push_back({.ref = entry.record->ref(),
                                 .labels = static_cast<uint32_t>(labels.names.size()),
                                 .packed = {}});
            }
        }
        append();
    }
}

void SideLog::note(uint32_t segment, std::span<const base::ByteView> records) {
    if (series_log_ == nullptr) {
        return;
    }
    for (const base::ByteView record : records) {
        if (wal::record_type(record) != static_cast<uint8_t>(wal::RecordType::kSeries)) {
            continue;
        }
        entries_.clear();
        base::ignore(wal::decode_series(record, entries_), "our own record, just encoded");
        const base::Status status = series_log_->append(segment, entries_);
        if (!status) {
            report(status.error());
        }
    }
}

void SideLog::sync(uint32_t segment) {
    if (series_log_ == nullptr) {
        return;
    }
    const base::Status status = series_log_->sync(segment);
    if (!status) {
        report(status.error());
    }
}

void SideLog::compact(const std::function<bool(uint64_t ref)>& keep_series) {
    if (series_log_ == nullptr) {
        return;
    }
    const auto done = series_log_->compact(keep_series);
    if (!done) {
        report(done.error());
    }
}

void SideLog::report(const base::Error& error) {
    if (const auto suppressed = failure_lines_.pass(clock_.steady())) {
        log_.warn("series side log not written: the write-ahead log does without it",
                  "error",
                  error,
                  "suppressed",
                  *suppressed);
    }
}

}  // namespace tsdb

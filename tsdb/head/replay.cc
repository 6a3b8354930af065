#include "tsdb/head/replay.h"

#include <algorithm>
#include <memory>
#include <thread>

#include "base/compress.h"
#include "tsdb/head/ref_table.h"
#include "tsdb/head/replay_worker.h"

namespace tsdb {
namespace {

using wal::RecordType;

constexpr unsigned kWorkersMax = 4;

unsigned worker_count() {
    return std::clamp(std::thread::hardware_concurrency(), 1u, kWorkersMax);
}

class Replay {
  public:
    Replay(base::Files& files, Head& head) : files_(files), head_(head) {
        for (unsigned i = 0; i < worker_count(); ++i) {
            workers_.push_back(std::make_unique<ReplayWorker>(head));
        }
    }

    base::Status read(const wal::SegmentFile& segment) {
        if (segment.bytes == 0) {
            return base::success();
        }
        TRY(const auto file, files_.map(segment.path));
        file->advise(base::MappedFile::Advice::kSequential);
        wal::SegmentReader reader(segment.number, file->bytes(), zstd_);
        base::ByteView record;
        while (reader.next(record)) {
            take(record, segment.number, reader.record_offset());
        }
        const auto& damages = reader.damages();
        report_.damages.insert(report_.damages.end(), damages.begin(), damages.end());
        ++report_.segments;
        report_.bytes += segment.bytes;
        return base::success();
    }

    ReplayReport finish() {
        uint64_t pushed = 0;
        for (const auto& worker : workers_) {
            worker->finish();
            report_.samples += worker->appended();
            pushed += worker->pushed();
        }
        report_.repeated = pushed - report_.samples;
        report_.series = head_.series();
        if (min_t_ <= max_t_) {
            head_.extend(min_t_, max_t_);
        }
        return std::move(report_);
    }

  private:
    void take(base::ByteView record, uint32_t segment, uint64_t offset) {
        const uint8_t type = wal::record_type(record);
        ++report_.records[type < wal::kRecordTypes ? type : 0];
        base::Status status = base::success();
        if (type == static_cast<uint8_t>(RecordType::kSeries)) {
            status = take_series(record);
        } else if (type == static_cast<uint8_t>(RecordType::kSamples) ||
                   type == static_cast<uint8_t>(RecordType::kSamplesV2)) {
            status = take_samples(record);
        }
        if (!status) {
            ++report_.malformed;
            report_.damages.push_back({.segment = segment,
                                       .offset = offset,
                                       .bytes = record.size(),
                                       .torn = false,
                                       .reason = status.error().message()});
        }
    }

    base::Status take_series(base::ByteView record) {
        series_.clear();
        base::Status status = wal::decode_series(record, series_);
        for (const wal::SeriesEntry& entry : series_) {
            head_.reserve_ref(std::min(entry.ref, kSeriesRefMax));
            model::Labels labels;
            if (entry.ref == 0 || !model::Labels::from_packed(entry.packed, entry.labels, labels)) {
                ++report_.refused_series;
                continue;
            }
            if (const auto slot = head_.restore(labels, entry.ref)) {
                refs_.set(entry.ref, slot.value());
            } else {
                ++report_.refused_series;
            }
        }
        return status;
    }

    base::Status take_samples(base::ByteView record) {
        samples_.clear();
        base::Status status = wal::decode_samples(record, samples_);
        for (const wal::SampleEntry& entry : samples_) {
            const uint32_t slot = refs_.get(entry.ref);
            if (slot == RefTable::kNone) {
                ++report_.unknown_refs;
                continue;
            }
            const SlotEntry series = head_.at(slot);
            min_t_ = std::min(min_t_, entry.t);
            max_t_ = std::max(max_t_, entry.t);
            workers_[series.partition % workers_.size()]->push(
                {.series = series, .t = entry.t, .bits = entry.bits, .index = 0});
        }
        return status;
    }

    base::Files& files_;
    Head& head_;
    base::ZstdDecoder zstd_;
    RefTable refs_;
    std::vector<wal::SeriesEntry> series_;
    std::vector<wal::SampleEntry> samples_;
    int64_t min_t_ = INT64_MAX;
    int64_t max_t_ = INT64_MIN;
    ReplayReport report_;
    std::vector<std::unique_ptr<ReplayWorker>> workers_;  // last: they use the head
};

}  // namespace

uint64_t ReplayReport::not_kept() const {
    uint64_t sum = 0;
    for (size_t type = 0; type < records.size(); ++type) {
        const bool kept = type == static_cast<size_t>(RecordType::kSeries) ||
                          type == static_cast<size_t>(RecordType::kSamples) ||
                          type == static_cast<size_t>(RecordType::kSamplesV2);
        sum += kept ? 0 : records[type];
    }
    return sum;
}

base::Result<ReplayReport> replay_wal(base::Files& files,
                                      const base::Path& wal_folder,
                                      Head& head,
                                      const std::function<void(const ReplayProgress&)>& progress) {
    Replay replay(files, head);
    TRY(const auto checkpoint, wal::find_checkpoint(files, wal_folder));
    TRY(auto segments, wal::list_segments(files, wal_folder));
    if (checkpoint) {
        std::erase_if(segments, [&](const wal::SegmentFile& segment) {
            return segment.number <= checkpoint->last_segment;
        });
        TRY(const auto parts, wal::list_segments(files, checkpoint->path));
        for (const wal::SegmentFile& part : parts) {
            TRY(base::context(replay.read(part), "replay checkpoint", checkpoint->path));
        }
    }
    ReplayProgress at;
    if (!segments.empty()) {
        at = {.first = segments.front().number,
              .last = segments.back().number,
              .current = segments.front().number};
    }
    for (const wal::SegmentFile& segment : segments) {
        at.current = segment.number;
        progress(at);
        TRY(base::context(replay.read(segment), "replay write-ahead log segment", segment.path));
    }
    return replay.finish();
}

}  // namespace tsdb

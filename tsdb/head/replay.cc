#include "tsdb/head/replay.h"

#include <algorithm>
#include <span>
#include <utility>

#include "base/compress.h"
#include "tsdb/head/ref_table.h"
#include "tsdb/head/replay_pipeline.h"
#include "tsdb/head/replayed_metadata.h"
#include "tsdb/wal/sources.h"

namespace tsdb {
namespace {

using wal::RecordType;

constexpr size_t kFileChunksEvery = size_t{4} << 20;  // bytes of records read
constexpr size_t kFileChunksBytes = size_t{1} << 20;  // of chunks, at least

bool is_kept(RecordType type) {
    switch (type) {
        case RecordType::kSeries:
        case RecordType::kSamples:
        case RecordType::kSamplesV2:
        case RecordType::kHistograms:
        case RecordType::kFloatHistograms:
        case RecordType::kCustomHistograms:
        case RecordType::kCustomFloatHistograms:
        case RecordType::kHistogramsV2:
        case RecordType::kFloatHistogramsV2:
        case RecordType::kTombstones:
        case RecordType::kExemplars:
        case RecordType::kMetadata:
            return true;
        default:
            return false;
    }
}

class Replay {
  public:
    Replay(base::Files& files, Head& head, const ReplayInput& input)
        : files_(files),
          head_(head),
          input_(input),
          salvage_([this](uint64_t ref) { return salvage(ref); }),
          pipeline_(head, refs_, input.min_valid_t, input.salvage ? &salvage_ : nullptr) {}

    base::Status read(const wal::Source& source) {
        source_max_t_ = INT64_MIN;
        segment_ = source.segment;
        std::vector<wal::Damage> damages;
        const base::Status status = wal::read_source(
            files_, source, zstd_, damages, [&](base::ByteView record, uint64_t offset) {
                take(record, source, offset);
                return true;
            });
        settle();
        note(damages);
        TRY(status);
        ++report_.segments;
        report_.bytes += source.bytes;
        if (input_.times != nullptr && !source.checkpoint) {
            input_.times->note(source.segment, source_max_t_);
        }
        return base::success();
    }

    void note(const std::vector<wal::Damage>& damages) {
        report_.damages.insert(report_.damages.end(), damages.begin(), damages.end());
    }

    ReplayReport finish() {
        const ReplayPipeline::Applied applied = pipeline_.finish();
        report_.samples = applied.appended;
        report_.repeated += applied.samples - applied.appended;
        report_.series = head_.series();
        file_chunks();
        report_.tombstones = deleted_.size();
        head_.tombstones().add(std::move(deleted_));
        if (input_.metadata != nullptr) {
            described_.give_to(*input_.metadata);
            report_.described = described_.families();
        }
        if (input_.series != nullptr) {
            *input_.series = std::move(refs_);
        }
        if (min_t_ <= max_t_) {
            head_.extend(std::max(min_t_, input_.min_valid_t), max_t_);
        }
        return std::move(report_);
    }

  private:
    using Known = ReplayedSeries;

    void take(base::ByteView record, const wal::Source& source, uint64_t offset) {
        const uint8_t type = wal::record_type(record);
        ++report_.records[type < wal::kRecordTypes ? type : 0];
        if (wal::holds_samples(type)) {
            pipeline_.push(record, source, offset);
        } else if (const base::Status status = take_record(static_cast<RecordType>(type), record);
                   !status) {
            settle();  // what was found before is told before
            ++report_.malformed;
            report_.damages.push_back(
                wal::malformed_record(source, offset, record, status.error()));
        }
        bytes_since_filing_ += record.size();
        if (bytes_since_filing_ >= kFileChunksEvery) {
            file_chunks();
        }
    }

    base::Status take_record(RecordType type, base::ByteView record) {
        switch (type) {
            case RecordType::kSeries:
                return take_series(record);
            case RecordType::kTombstones:
                return take_tombstones(record);
            case RecordType::kExemplars:
                return take_exemplars(record);
            case RecordType::kMetadata:
                return take_metadata(record);
            default:
                return base::success();  // of a kind that is not kept
        }
    }

    // The table of series may change, until records of samples are pushed again.
    void settle() {
        const ReplayTally found = pipeline_.settle();
        report_.repeated += found.repeated;
        report_.unknown_refs += found.unknown_refs;
        report_.malformed += found.malformed;
        report_.in_blocks += found.in_blocks;
        note(found.damages);
        source_max_t_ = std::max(source_max_t_, found.newest_t);
        min_t_ = std::min(min_t_, found.min_t);
        max_t_ = std::max(max_t_, found.max_t);
    }

    // What is full goes to its file, so that a replay needs no more memory than what it rebuilds.
    void file_chunks() {
        bytes_since_filing_ = 0;
        base::ignore(head_.file_chunks(kFileChunksBytes),
                     "chunks stay in memory and are tried again");
    }

    base::Status take_series(base::ByteView record) {
        settle();
        series_.clear();
        base::Status status = wal::decode_series(record, series_);
        for (const wal::SeriesEntry& entry : series_) {
            head_.reserve_ref(std::min(entry.ref, kSeriesRefMax));
            model::Labels labels;
            if (entry.ref == 0 || !model::Labels::from_packed(entry.packed, entry.labels, labels)) {
                ++report_.refused_series;
                continue;
            }
            base::ignore(restore(labels, entry.ref), "counted as refused");
        }
        return status;
    }

    base::Result<uint32_t> restore(const model::Labels& labels, uint64_t ref) {
        auto slot = head_.restore(labels, ref);
        if (!slot) {
            ++report_.refused_series;
            return slot;
        }
        refs_.set(ref, {.slot = slot.value()});
        const SlotEntry series = head_.at(slot.value());
        if (series.record->ref() == ref) {
            take_chunks(slot.value(), ref);
        } else {
            add_alias(slot.value(), series, ref);
        }
        return slot;
    }

    // The labels came back under another ref. Chunks in files are found by their series' ref, so
    // the series goes by the one that has some, unless it has samples already: what the chunks hold
    // is in the log too.
    void add_alias(uint32_t slot, const SlotEntry& series, uint64_t ref) {
        if (input_.chunks != nullptr && input_.chunks->has(ref)) {
            pipeline_.drain();
            const uint64_t before = series.record->ref();
            if (head_.rename_empty(slot, ref)) {
                report_.aliases.push_back(before);
                take_chunks(slot, ref);
                return;
            }
        }
        report_.aliases.push_back(ref);
    }

    // The chunks stand before all samples of the log that may be appended: those they hold are
    // repeats.
    void take_chunks(uint32_t slot, uint64_t ref) {
        if (input_.chunks == nullptr) {
            return;
        }
        const RestoredChunks::Taken taken = input_.chunks->take(ref);
        for (const ChunkPlace place : taken.places) {
            head_.restore_chunk(slot, place, taken.max_t);
            ++report_.chunks;
        }
        if (!taken.places.empty()) {
            min_t_ = std::min(min_t_, taken.min_t);
            max_t_ = std::max(max_t_, taken.max_t);
            refs_.set(ref, {.slot = slot, .filed_until = taken.max_t});
        }
    }

    // What is known of a series whose record is lost; without a slot: nothing.
    Known salvage(uint64_t ref) {
        const model::Labels labels = input_.salvage(ref, segment_);
        if (labels.empty()) {
            return {};
        }
        const auto slot = restore(labels, ref);
        if (!slot) {
            return {};
        }
        ++report_.salvaged_series;
        head_.log_again(slot.value());
        return refs_.get(ref);
    }

    // The series of a ref; one that samples in front of it may bring back is waited for.
    Known series_of(uint64_t ref) {
        const Known known = refs_.get(ref);
        if (known.slot != Known::kNone || !input_.salvage) [[likely]] {
            return known;
        }
        settle();
        return refs_.get(ref);
    }

    // Those of unknown series are lost; nothing else depends on them.
    base::Status take_exemplars(base::ByteView record) {
        exemplars_.clear();
        base::Status status = wal::decode_exemplars(record, exemplars_);
        for (const wal::ExemplarEntry& entry : exemplars_) {
            const uint32_t slot = series_of(entry.ref).slot;
            model::Exemplar exemplar{.t = entry.t, .v = entry.value};
            if (slot == Known::kNone || entry.t < input_.min_valid_t ||
                !model::Labels::from_packed(entry.packed, entry.labels, exemplar.labels)) {
                continue;
            }
            const uint64_t ref = head_.at(slot).record->ref();
            const auto verdict = head_.exemplars().add(ref, slot, std::move(exemplar));
            report_.exemplars += verdict == ExemplarVerdict::kAdded ? 1 : 0;
        }
        return status;
    }

    base::Status take_metadata(base::ByteView record) {
        if (input_.metadata == nullptr) {
            return base::success();
        }
        metadata_.clear();
        base::Status status = wal::decode_metadata(record, metadata_);
        for (const wal::MetadataEntry& entry : metadata_) {
            const uint32_t slot = series_of(entry.ref).slot;
            if (slot == Known::kNone) {
                continue;
            }
            const model::Labels labels = head_.texts_of(slot);
            described_.note(labels.get("__name__"),
                            {.type = entry.type,
                             .help = std::string(entry.help),
                             .unit = std::string(entry.unit)});
        }
        return status;
    }

    // Only the tombstones that say a series is gone matter while the head is rebuilt; the others
    // are for those who read it.
    base::Status take_tombstones(base::ByteView record) {
        tombstones_.clear();
        base::Status status = wal::decode_tombstones(record, tombstones_);
        for (const wal::TombstoneEntry& entry : tombstones_) {
            Known known = series_of(entry.ref);
            if (known.slot == Known::kNone && input_.salvage) {
                known = salvage(entry.ref);
            }
            if (known.slot == Known::kNone || entry.max_t < input_.min_valid_t) {
                continue;
            }
            if (!entry.whole_series()) {
                deleted_.push_back({.ref = head_.at(known.slot).record->ref(),
                                    .min_t = entry.min_t,
                                    .max_t = entry.max_t});
                continue;
            }
            pipeline_.drain();
            head_.forget_samples(known.slot);
        }
        return status;
    }

    base::Files& files_;
    Head& head_;
    const ReplayInput& input_;
    base::ZstdDecoder zstd_;
    RefTable<Known> refs_;
    std::vector<wal::SeriesEntry> series_;
    std::vector<wal::TombstoneEntry> tombstones_;
    std::vector<wal::TombstoneEntry> deleted_;
    std::vector<wal::ExemplarEntry> exemplars_;
    std::vector<wal::MetadataEntry> metadata_;
    ReplayedMetadata described_;
    uint32_t segment_ = 0;  // being read
    size_t bytes_since_filing_ = 0;
    int64_t source_max_t_ = INT64_MIN;  // of the file being read
    int64_t min_t_ = INT64_MAX;
    int64_t max_t_ = INT64_MIN;
    ReplayReport report_;
    const ReplayDecoder::Salvage salvage_;
    ReplayPipeline pipeline_;  // last: its threads use what is above
};

// From the first segment to the last, wherever checkpoints stand between them.
ReplayProgress segments_of(std::span<const wal::Source> sources) {
    ReplayProgress at{.first = UINT32_MAX};
    for (const wal::Source& source : sources) {
        if (!source.checkpoint) {
            at.first = std::min(at.first, source.segment);
            at.last = std::max(at.last, source.segment);
        }
    }
    return at;
}

}  // namespace

uint64_t ReplayReport::not_kept() const {
    uint64_t sum = 0;
    for (size_t type = 0; type < records.size(); ++type) {
        sum += is_kept(static_cast<RecordType>(type)) ? 0 : records[type];
    }
    return sum;
}

base::Result<ReplayReport> replay_wal(base::Files& files, Head& head, const ReplayInput& input) {
    TRY(const auto sources, wal::find_sources(files, input.wal_folder));
    Replay replay(files, head, input);
    replay.note(sources.damages);
    if (const auto missing = wal::missing_beginning(sources)) {
        replay.note({*missing});
    }
    ReplayProgress at = segments_of(sources.files);
    for (const wal::Source& source : sources.files) {
        if (input.progress && !source.checkpoint) {
            at.current = source.segment;
            input.progress(at);
        }
        TRY(base::context(replay.read(source), "replay", source.path));
    }
    return replay.finish();
}

}  // namespace tsdb

#include "tsdb/out_of_order_replay.h"

#include <algorithm>
#include <bit>
#include <memory>
#include <optional>
#include <utility>

#include "base/compress.h"
#include "tsdb/head/chunk_entry.h"
#include "tsdb/head/sample_records.h"
#include "tsdb/wal/record.h"
#include "tsdb/wal/sources.h"

namespace tsdb {
namespace {

using wal::RecordType;

class LateReplay {
  public:
    LateReplay(Head& head, FoundLateChunks& found, const RefTable<ReplayedSeries>& series)
        : head_(head), found_(found), series_(series) {}

    base::Status read(base::Files& files, const wal::Source& source) {
        TRY(wal::read_source(
            files, source, zstd_, report_.damages, [&](base::ByteView record, uint64_t offset) {
                const base::Status status = take(record);
                if (!status) {
                    ++report_.malformed;
                    report_.damages.push_back(
                        wal::malformed_record(source, offset, record, status.error()));
                }
                return true;
            }));
        ++report_.segments;
        report_.bytes += source.bytes;
        return base::success();
    }

    void note(std::vector<wal::Damage> damages) {
        report_.damages.insert(report_.damages.end(), damages.begin(), damages.end());
    }

    LateReplayReport finish() {
        const bool damaged = std::ranges::any_of(
            report_.damages, [](const wal::Damage& damage) { return !damage.torn; });
        found_.each([&](const LateChunk& chunk) {
            if (damaged) {
                restore(chunk);
            } else {
                ++report_.chunks_left;
            }
        });
        return std::move(report_);
    }

  private:
    base::Status take(base::ByteView record) {
        const auto type = static_cast<RecordType>(wal::record_type(record));
        if (type == RecordType::kMmapMarkers) {
            return take_markers(record);
        }
        return samples_.take(type, record, report_.malformed, [&]<class Entry>(Entry&& entry) {
            insert(entry.ref, typed(std::forward<Entry>(entry)));
        });
    }

    static model::TypedSample typed(const wal::SampleEntry& entry) {
        return {.t = entry.t, .v = std::bit_cast<double>(entry.bits)};
    }

    static model::TypedSample typed(wal::HistogramEntry&& entry) {
        return {.t = entry.t,
                .integer = std::make_shared<const model::Histogram>(std::move(entry.histogram))};
    }

    static model::TypedSample typed(wal::FloatHistogramEntry&& entry) {
        return {
            .t = entry.t,
            .floating = std::make_shared<const model::FloatHistogram>(std::move(entry.histogram))};
    }

    void insert(uint64_t ref, model::TypedSample sample) {
        const auto slot = slot_of(ref);
        if (!slot) {
            return;
        }
        const auto met =
            head_.late().insert(*slot, head_.at(*slot).record->ref(), std::move(sample));
        if (met == OutOfOrderStore::Meets::kNothing) {
            ++report_.samples;
            head_.set_out_of_order(*slot, true);
        } else {
            ++report_.repeated;
        }
    }

    std::optional<uint32_t> slot_of(uint64_t ref) {
        const uint32_t slot = series_.get(ref).slot;
        if (slot == ReplayedSeries::kNone) {
            ++report_.unknown_refs;
            return std::nullopt;
        }
        return slot;
    }

    // What the open array holds is in the chunks of the markers, when all of them are there.
    base::Status take_markers(base::ByteView record) {
        markers_.clear();
        base::Status status = wal::decode_mmap_markers(record, markers_);
        for (size_t from = 0, to = 0; from < markers_.size(); from = to) {
            bool whole = true;
            while (to < markers_.size() && markers_[to].ref == markers_[from].ref) {
                whole = take_chunk(markers_[to]) && whole;
                ++to;
            }
            const uint32_t slot = series_.get(markers_[from].ref).slot;
            if (whole && slot != ReplayedSeries::kNone) {
                head_.late().forget_open(slot);
            }
        }
        return status;
    }

    bool take_chunk(const wal::MmapMarkerEntry& marker) {
        LateChunk chunk;
        const auto place = chunk_place(static_cast<uint32_t>(marker.chunk_ref >> 32),
                                       static_cast<uint32_t>(marker.chunk_ref));
        if (marker.chunk_ref == 0 || !found_.take(marker.ref, place, chunk)) {
            return false;
        }
        restore(chunk);
        return true;
    }

    void restore(const LateChunk& chunk) {
        if (const auto slot = slot_of(chunk.ref)) {
            head_.late().restore(*slot, head_.at(*slot).record->ref(), chunk);
            head_.set_out_of_order(*slot, true);
            ++report_.chunks;
        }
    }

    Head& head_;
    FoundLateChunks& found_;
    const RefTable<ReplayedSeries>& series_;
    base::ZstdDecoder zstd_;
    SampleRecords samples_;
    std::vector<wal::MmapMarkerEntry> markers_;
    LateReplayReport report_;
};

}  // namespace

bool FoundLateChunks::take(uint64_t ref, ChunkPlace place, LateChunk& out) {
    const auto at = chunks_.find(ref);
    if (at == chunks_.end()) {
        return false;
    }
    const auto chunk = std::ranges::find(at->second, place, &LateChunk::place);
    if (chunk == at->second.end()) {
        return false;
    }
    out = *chunk;
    at->second.erase(chunk);
    return true;
}

base::Result<LateReplayReport> replay_out_of_order(base::Files& files,
                                                   const base::Path& folder,
                                                   Head& head,
                                                   FoundLateChunks& found,
                                                   const RefTable<ReplayedSeries>& series) {
    LateReplay replay(head, found, series);
    TRY(auto sources, wal::find_sources(files, folder));
    replay.note(std::move(sources.damages));
    for (const wal::Source& source : sources.files) {
        TRY(base::context(replay.read(files, source), "replay", source.path));
    }
    return replay.finish();
}

}  // namespace tsdb

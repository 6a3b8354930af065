#include <optional>
#include <vector>

#include "base/compress.h"
#include "engine/commands/tsdb/verify.h"
#include "tsdb/head/chunk_entry.h"
#include "tsdb/wal/reader.h"
#include "tsdb/wal/record.h"
#include "tsdb/wal/record_histogram.h"

namespace engine {
namespace {

namespace wal = tsdb::wal;

std::string plural(uint64_t count, const std::string& what) {
    return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

// Whether a record's payload decodes; the entries are not looked at.
template <class Entry>
base::Status decodes(base::Status (*decode)(base::ByteView, std::vector<Entry>&),
                     base::ByteView record) {
    std::vector<Entry> entries;
    return decode(record, entries);
}

// The same for histograms: those that no histogram can look like are damage too.
template <class Entry>
base::Status decodes(base::Result<size_t> (*decode)(base::ByteView, std::vector<Entry>&),
                     base::ByteView record) {
    std::vector<Entry> entries;
    TRY(const size_t left_out, decode(record, entries));
    return left_out == 0 ? base::Status(base::success())
                         : base::fail(base::Code::kCorrupt,
                                      "a record holds",
                                      left_out,
                                      "histograms that make no sense");
}

// nothing: a kind of record that is not known
std::optional<base::Status> check_record(base::ByteView record) {
    switch (static_cast<wal::RecordType>(wal::record_type(record))) {
        case wal::RecordType::kSeries:
            return decodes(wal::decode_series, record);
        case wal::RecordType::kSamples:
        case wal::RecordType::kSamplesV2:
            return decodes(wal::decode_samples, record);
        case wal::RecordType::kTombstones:
            return decodes(wal::decode_tombstones, record);
        case wal::RecordType::kMetadata:
            return decodes(wal::decode_metadata, record);
        case wal::RecordType::kExemplars:
            return decodes(wal::decode_exemplars, record);
        case wal::RecordType::kMmapMarkers:
            return decodes(wal::decode_mmap_markers, record);
        case wal::RecordType::kHistograms:
        case wal::RecordType::kCustomHistograms:
        case wal::RecordType::kHistogramsV2:
            return decodes(wal::decode_histograms, record);
        case wal::RecordType::kFloatHistograms:
        case wal::RecordType::kCustomFloatHistograms:
        case wal::RecordType::kFloatHistogramsV2:
            return decodes(wal::decode_float_histograms, record);
    }
    return std::nullopt;
}

class LogVerifier {
  public:
    LogVerifier(base::Files& files, Findings& findings) : files_(files), findings_(findings) {}

    base::Status folder(const base::Path& folder) {
        TRY(const auto checkpoint, wal::find_checkpoint(files_, folder));
        TRY(const auto segments, wal::list_segments(files_, folder));
        if (checkpoint) {
            TRY(const auto parts, wal::list_segments(files_, checkpoint->path));
            segments_of(parts, checkpoint->path);
            const uint32_t wanted = checkpoint->last_segment + 1;
            if (!segments.empty() && segments.front().number > wanted) {
                findings_.damage("segments from " + std::to_string(wanted) + " to " +
                                 std::to_string(segments.front().number - 1) + " are missing");
            }
        }
        segments_of(segments, folder);
        if (unknown_ != 0) {
            findings_.note(plural(unknown_, "record") + " of an unknown kind");
        }
        return base::success();
    }

    std::string summary() const {
        return plural(segments_, "segment") + ", " + plural(records_, "record");
    }

  private:
    void segments_of(const std::vector<wal::SegmentFile>& segments, const base::Path& folder) {
        for (size_t i = 0; i < segments.size(); ++i) {
            if (i != 0 && segments[i].number != segments[i - 1].number + 1) {
                findings_.damage("a segment before " + segments[i].path + " is missing");
            }
            segment(segments[i], i + 1 == segments.size());
            findings_.progress().tick(
                [&] { return "verified " + plural(segments_, "segment") + " of " + folder; });
        }
    }

    void segment(const wal::SegmentFile& segment, bool last) {
        ++segments_;
        const auto map = files_.map(segment.path);
        if (!map) {
            findings_.damage(map.error().message());
            return;
        }
        map.value()->advise(base::MappedFile::Advice::kSequential);
        wal::SegmentReader reader(segment.number, map.value()->bytes(), zstd_);
        base::ByteView record;
        while (reader.next(record)) {
            ++records_;
            const auto status = check_record(record);
            if (!status) {
                ++unknown_;
            } else if (!*status) {
                findings_.damage(place(segment, reader.record_offset()) +
                                 status->error().message());
            }
        }
        for (const auto& damage : reader.damages()) {
            const std::string what = place(segment, damage.offset) + damage.reason;
            if (damage.torn && last) {
                findings_.note(what + ": what a crash leaves, or a server writing it now");
            } else {
                findings_.damage(what);
            }
        }
    }

    static std::string place(const wal::SegmentFile& segment, uint64_t offset) {
        return segment.path + " at byte " + std::to_string(offset) + ": ";
    }

    base::Files& files_;
    Findings& findings_;
    base::ZstdDecoder zstd_;
    uint64_t segments_ = 0;
    uint64_t records_ = 0;
    uint64_t unknown_ = 0;  // of them, of kinds that are not known
};

}  // namespace

void verify_log(base::Files& files,
                const base::Path& folder,
                const std::string& title,
                Findings& findings) {
    if (const auto there = files.exists(folder); there && !there.value()) {
        return;
    }
    findings.begin(title);
    LogVerifier verifier(files, findings);
    if (const auto status = verifier.folder(folder); !status) {
        findings.damage(status.error().message());
    }
    findings.end(verifier.summary());
}

void verify_head_chunks(base::Files& files, const base::Path& folder, Findings& findings) {
    if (const auto there = files.exists(folder); there && !there.value()) {
        return;
    }
    findings.begin("head chunks");
    uint64_t chunks = 0;
    const auto damages =
        tsdb::walk_chunk_files(files, folder, [&](const tsdb::FiledChunk&) { ++chunks; });
    if (!damages) {
        findings.damage(damages.error().message());
    } else {
        for (const auto& damage : damages.value()) {
            findings.damage(damage.path + " at byte " + std::to_string(damage.offset) + ": " +
                            damage.reason);
        }
    }
    findings.end(plural(chunks, "chunk"));
}

}  // namespace engine

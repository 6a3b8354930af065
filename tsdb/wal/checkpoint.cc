#include "tsdb/wal/checkpoint.h"

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "tsdb/wal/checkpoint_writer.h"
#include "tsdb/wal/format.h"
#include "tsdb/wal/record.h"
#include "tsdb/wal/sources.h"
#include "tsdb/wal/timed_record.h"

namespace tsdb::wal {
namespace {

constexpr size_t kRecordBytesTarget = 128 * 1024;  // a record is ended behind it

// A set of references: one bit each where they lie close.
class RefSet {
  public:
    // Whether it is new.
    bool insert(uint64_t ref) {
        uint64_t& word = pages_[ref / kPageRefs][ref % kPageRefs / kWordRefs];
        const uint64_t bit = uint64_t{1} << (ref % kWordRefs);
        const bool is_new = (word & bit) == 0;
        word |= bit;
        return is_new;
    }

  private:
    static constexpr uint64_t kWordRefs = 64;
    static constexpr uint64_t kPageRefs = 512;

    std::unordered_map<uint64_t, std::array<uint64_t, kPageRefs / kWordRefs>> pages_;
};

// The latest metadata of each series. Texts repeat from series to series and are held once.
class LatestMetadata {
  public:
    void set(const MetadataEntry& entry) {
        latest_[entry.ref] = {
            .type = entry.type, .unit = text(entry.unit), .help = text(entry.help)};
    }

    template <class Function>
    base::Status for_each(Function&& function) const {
        for (const auto& [ref, kept] : latest_) {
            TRY(function(MetadataEntry{
                .ref = ref, .type = kept.type, .unit = *kept.unit, .help = *kept.help}));
        }
        return base::success();
    }

  private:
    struct Kept {
        model::MetricType type = model::MetricType::kUnknown;
        const std::string* unit = nullptr;
        const std::string* help = nullptr;
    };

    const std::string* text(std::string_view text) {
        auto at = texts_.find(text);
        if (at == texts_.end()) {
            at = texts_.emplace(text).first;
        }
        return &*at;
    }

    std::set<std::string, std::less<>> texts_;
    std::map<uint64_t, Kept> latest_;
};

// Records on their way out: entries of one type that come after one another share a record.
class RecordBuilder {
  public:
    explicit RecordBuilder(CheckpointWriter& writer) : writer_(writer) {}

    [[nodiscard]] base::Status series(const SeriesEntry& entry) {
        TRY(begin(static_cast<uint8_t>(RecordType::kSeries)));
        series_->begin(entry.ref, entry.labels);
        out_.bytes(entry.packed);
        return base::success();
    }

    [[nodiscard]] base::Status timed(uint8_t type, const TimedEntry& entry) {
        TRY(begin(type));
        timed_->add(entry);
        return base::success();
    }

    [[nodiscard]] base::Status tombstone(const TombstoneEntry& entry) {
        TRY(begin(static_cast<uint8_t>(RecordType::kTombstones)));
        tombstones_->add(entry);
        return base::success();
    }

    [[nodiscard]] base::Status metadata(const MetadataEntry& entry) {
        TRY(begin(static_cast<uint8_t>(RecordType::kMetadata)));
        metadata_->add(entry);
        return base::success();
    }

    [[nodiscard]] base::Status end() {
        if (type_ == 0) {
            return base::success();
        }
        type_ = 0;
        TRY(writer_.add(out_.written()));
        out_.rewind(0);
        return base::success();
    }

  private:
    base::Status begin(uint8_t type) {
        if (type_ == type && out_.position() < kRecordBytesTarget) {
            return base::success();
        }
        TRY(end());
        type_ = type;
        if (is_timed(type)) {
            timed_.emplace(type, out_);
        } else if (type == static_cast<uint8_t>(RecordType::kSeries)) {
            series_.emplace(out_);
        } else if (type == static_cast<uint8_t>(RecordType::kTombstones)) {
            tombstones_.emplace(out_);
        } else {
            metadata_.emplace(out_);
        }
        return base::success();
    }

    CheckpointWriter& writer_;
    std::string bytes_;
    base::ByteWriter out_{bytes_};
    // The one for type_ is the one in use.
    std::optional<SeriesEncoder> series_;
    std::optional<TimedEncoder> timed_;
    std::optional<TombstonesEncoder> tombstones_;
    std::optional<MetadataEncoder> metadata_;
    uint8_t type_ = 0;  // of the record being built; 0: none
};

// Takes records in, leaves out what nobody asks for any more.
class Filter {
  public:
    Filter(const CheckpointRequest& request, CheckpointWriter& writer, CheckpointReport& report)
        : request_(request), builder_(writer), report_(report) {}

    // errors  of writing
    [[nodiscard]] base::Status take(const Source& source, base::ByteView record, uint64_t offset) {
        malformed_.reset();
        TRY(take_entries(record));
        if (malformed_) {
            report_.damages.push_back({.segment = source.segment,
                                       .offset = offset,
                                       .bytes = record.size(),
                                       .reason = malformed_->message(),
                                       .checkpoint = source.checkpoint});
        }
        return base::success();
    }

    [[nodiscard]] base::Status finish() {
        TRY(metadata_.for_each([&](const MetadataEntry& entry) {
            ++report_.metadata_kept;
            return builder_.metadata(entry);
        }));
        return builder_.end();
    }

  private:
    base::Status take_entries(base::ByteView record) {
        const uint8_t type = record_type(record);
        if (is_timed(type)) {
            return take_timed(type, record);
        }
        switch (static_cast<RecordType>(type)) {
            case RecordType::kSeries:
                return take_series(record);
            case RecordType::kTombstones:
                return take_tombstones(record);
            case RecordType::kMetadata:
                take_metadata(record);
                return base::success();
            default:
                // Markers of chunk files mean nothing in this log, and of kinds from the future it
                // cannot be told when they have served.
                ++report_.records_unknown;
                return base::success();
        }
    }

    base::Status take_series(base::ByteView record) {
        series_.clear();
        note(decode_series(record, series_));
        for (const SeriesEntry& entry : series_) {
            if (!request_.keep_series(entry.ref)) {
                ++report_.series_dropped;
            } else if (written_.insert(entry.ref)) {
                ++report_.series_kept;
                TRY(builder_.series(entry));
            }
        }
        return base::success();
    }

    base::Status take_timed(uint8_t type, base::ByteView record) {
        const bool exemplars = type == static_cast<uint8_t>(RecordType::kExemplars);
        uint64_t& kept = exemplars ? report_.exemplars_kept : report_.samples_kept;
        uint64_t& dropped = exemplars ? report_.exemplars_dropped : report_.samples_dropped;
        timed_.clear();
        note(decode_timed(record, timed_));
        for (const TimedEntry& entry : timed_) {
            if (entry.key.t < request_.min_t) {
                ++dropped;
                continue;
            }
            ++kept;
            TRY(builder_.timed(type, entry));
        }
        return base::success();
    }

    base::Status take_tombstones(base::ByteView record) {
        tombstones_.clear();
        note(decode_tombstones(record, tombstones_));
        for (const TombstoneEntry& entry : tombstones_) {
            if (entry.max_t < request_.min_t || !request_.keep_series(entry.ref)) {
                ++report_.tombstones_dropped;
                continue;
            }
            ++report_.tombstones_kept;
            TRY(builder_.tombstone(entry));
        }
        return base::success();
    }

    void take_metadata(base::ByteView record) {
        metadata_entries_.clear();
        note(decode_metadata(record, metadata_entries_));
        for (const MetadataEntry& entry : metadata_entries_) {
            if (request_.keep_series(entry.ref)) {
                metadata_.set(entry);
            }
        }
    }

    // What stood before the fault is taken all the same.
    void note(base::Status decoded) {
        if (!decoded) {
            malformed_ = std::move(decoded).error();
        }
    }

    const CheckpointRequest& request_;
    RecordBuilder builder_;
    CheckpointReport& report_;
    std::optional<base::Error> malformed_;
    RefSet written_;
    LatestMetadata metadata_;
    std::vector<SeriesEntry> series_;
    std::vector<TimedEntry> timed_;
    std::vector<TombstoneEntry> tombstones_;
    std::vector<MetadataEntry> metadata_entries_;
};

// What the checkpoint is made of, and what of that is missing.
Sources inputs(Sources&& sources, const CheckpointRequest& request) {
    std::erase_if(sources.files, [&](const Source& source) {
        return !source.checkpoint && source.segment > request.last_segment;
    });
    std::erase_if(sources.damages,
                  [&](const Damage& damage) { return damage.segment > request.last_segment; });
    if (!sources.checkpoint &&
        (sources.files.empty() || sources.files.front().segment > request.first_segment)) {
        sources.damages.push_back(
            {.segment = request.first_segment, .reason = "the first segments are missing"});
    }
    return std::move(sources);
}

// Whether it may be readable another time. A checkpoint without it would be the last of it.
bool may_pass(const base::Error& error) {
    return error.code() == base::Code::kUnavailable || error.code() == base::Code::kPermission;
}

base::Status copy(base::Files& files,
                  const Sources& sources,
                  const std::function<bool(uint32_t)>& samples_are_old,
                  Filter& filter,
                  CheckpointReport& report) {
    base::ZstdDecoder zstd;
    for (const Source& source : sources.files) {
        base::Status written = base::success();
        base::Status read = read_source(
            files,
            source,
            zstd,
            report.damages,
            [&](base::ByteView record, uint64_t offset) {
                written = filter.take(source, record, offset);
                return written.has_value();
            },
            !source.checkpoint && samples_are_old && samples_are_old(source.segment));
        TRY(std::move(written));
        if (!read && may_pass(read.error())) {
            return read;
        }
    }
    return filter.finish();
}

}  // namespace

base::Result<CheckpointReport> write_checkpoint(base::Files& files,
                                                const base::Path& wal_folder,
                                                const CheckpointRequest& request) {
    SKEIN_CHECK(request.keep_series != nullptr, "a checkpoint needs to know which series to keep");
    TRY(auto sources, find_sources(files, wal_folder));
    CheckpointReport report;
    if (sources.checkpoint && sources.checkpoint->last_segment >= request.last_segment) {
        if (sources.fallback) {
            return base::fail(base::Code::kUnavailable,
                              "the checkpoint of segment",
                              sources.checkpoint->last_segment,
                              "is damaged and can be replaced once there are later segments");
        }
        // A crash came between publishing and removing what it replaces.
        TRY(files.sync_folder(wal_folder));
        return report;
    }
    if (sources.unlisted && may_pass(*sources.unlisted)) {
        return base::fail(*std::move(sources.unlisted));
    }
    sources = inputs(std::move(sources), request);
    report.damages = sources.damages;
    TRY(const auto writer,
        base::context(
            CheckpointWriter::create(
                files, wal_folder, request.last_segment, request.segment_size, request.compression),
            "begin a checkpoint"));
    Filter filter(request, *writer, report);
    TRY(base::context(copy(files, sources, request.samples_are_old, filter, report),
                      "write a checkpoint"));
    TRY(base::context(writer->publish(), "publish a checkpoint"));
    report.bytes = writer->bytes();
    return report;
}

std::optional<SegmentRange> segments_to_checkpoint(uint32_t first, uint32_t current) {
    if (current <= first) {
        return std::nullopt;
    }
    const uint32_t complete = current - 1;  // the last one that is
    const auto last = static_cast<uint32_t>(first + uint64_t{complete - first} * 2 / 3);
    if (last <= first) {
        return std::nullopt;
    }
    return SegmentRange{.first = first, .last = last};
}

base::Status remove_segments(base::Files& files, const base::Path& wal_folder, uint32_t last) {
    TRY(const auto segments, list_segments(files, wal_folder));
    TRY(const auto checkpoints, list_checkpoints(files, wal_folder));
    for (const SegmentFile& segment : segments) {
        if (segment.number <= last) {
            TRY(base::context(files.remove(segment.path), "remove a write-ahead log segment"));
        }
    }
    for (const Checkpoint& checkpoint : checkpoints) {
        // First out of sight: half of one must not pass for a whole one.
        if (checkpoint.last_segment < last) {
            const base::Path going = checkpoint.path + std::string(kBuildingSuffix);
            TRY(files.remove_tree(going));
            TRY(base::context(files.rename(checkpoint.path, going), "remove a checkpoint"));
        }
    }
    TRY(files.sync_folder(wal_folder));
    TRY(const auto entries, files.list(wal_folder));
    for (const auto& entry : entries) {
        if (entry.is_directory && entry.name.starts_with(kCheckpointPrefix) &&
            entry.name.ends_with(kBuildingSuffix)) {
            TRY(files.remove_tree(base::join_path(wal_folder, entry.name)));
        }
    }
    return base::success();
}

}  // namespace tsdb::wal

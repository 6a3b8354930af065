#include "tsdb/wal/sources.h"

#include <algorithm>
#include <string>
#include <utility>

namespace tsdb::wal {
namespace {

// Of a mapped segment that is read through.
constexpr uint64_t kResidentBytes = uint64_t{8} << 20;

// The files of a checkpoint, and what is wrong with the folder.
std::vector<Source> checkpoint_files(base::Files& files,
                                     const Checkpoint& checkpoint,
                                     std::vector<Damage>& damages,
                                     std::optional<base::Error>& unlisted) {
    const auto damaged = [&](std::string reason) {
        damages.push_back(
            {.segment = checkpoint.last_segment, .reason = std::move(reason), .checkpoint = true});
    };
    std::vector<Source> sources;
    auto parts = list_segments(files, checkpoint.path);
    if (!parts) {
        damaged("the checkpoint cannot be listed: " + parts.error().message());
        unlisted = std::move(parts).error();
        return sources;
    }
    uint32_t next = 0;
    uint64_t bytes = 0;
    for (SegmentFile& part : parts.value()) {
        bytes += part.bytes;
        if (part.number != next) {
            damaged("file " + segment_name(next) + " of the checkpoint is missing");
        }
        next = part.number + 1;
        sources.push_back({.path = std::move(part.path),
                           .segment = checkpoint.last_segment,
                           .checkpoint = true,
                           .bytes = part.bytes});
    }
    if (sources.empty()) {
        damaged("the checkpoint is empty");
    } else if (bytes == 0) {
        damaged("the checkpoint has not one byte: what it should have kept is lost");
    }
    return sources;
}

// Whether anything of it was lost, so far as its bytes tell. A checkpoint is padded to whole pages.
bool is_whole(base::Files& files, const std::vector<Source>& checkpoint) {
    base::ZstdDecoder zstd;
    std::vector<Damage> damages;
    for (const Source& part : checkpoint) {
        const base::Status read =
            read_source(files, part, zstd, damages, [](base::ByteView, uint64_t) { return true; });
        if (!read || !damages.empty() || part.bytes % kPageBytes != 0) {
            return false;
        }
    }
    return true;
}

void move_to(std::vector<Source>&& from, std::vector<Source>& to) {
    std::ranges::move(from, std::back_inserter(to));
}

class Finder {
  public:
    Finder(base::Files& files, std::vector<SegmentFile>&& segments)
        : files_(files), segments_(std::move(segments)) {}

    Sources find(std::vector<Checkpoint>&& checkpoints) {
        if (checkpoints.empty()) {
            add_segments(std::nullopt, UINT32_MAX);
            return std::move(out_);
        }
        const Checkpoint newest = checkpoints.back();
        checkpoints.pop_back();
        std::vector<Damage> damages;
        std::vector<Source> parts = checkpoint_files(files_, newest, damages, out_.unlisted);
        const bool something_older =
            !checkpoints.empty() ||
            (!segments_.empty() && segments_.front().number <= newest.last_segment);
        if (something_older && (!damages.empty() || !is_whole(files_, parts))) {
            out_.fallback = true;
            add_before(checkpoints, newest.last_segment);
        }
        move_to(std::move(parts), out_.files);
        std::ranges::move(damages, std::back_inserter(out_.damages));
        add_segments(newest.last_segment, UINT32_MAX);
        out_.checkpoint = newest;
        return std::move(out_);
    }

  private:
    // The checkpoint before and the segments up to `last`.
    void add_before(const std::vector<Checkpoint>& checkpoints, uint32_t last) {
        std::optional<uint32_t> covered;
        if (!checkpoints.empty()) {
            covered = checkpoints.back().last_segment;
            move_to(checkpoint_files(files_, checkpoints.back(), out_.damages, out_.unlisted),
                    out_.files);
        }
        add_segments(covered, last);
    }

    // The segments behind the `covered` one and up to `last`.
    void add_segments(std::optional<uint32_t> covered, uint32_t last) {
        std::optional<uint32_t> before = covered;
        for (const SegmentFile& segment : segments_) {
            if ((covered && segment.number <= *covered) || segment.number > last) {
                continue;
            }
            if (before && segment.number - *before > 1) {
                missing(*before + 1, segment.number - 1);
            }
            before = segment.number;
            out_.files.push_back({.path = segment.path,
                                  .segment = segment.number,
                                  .checkpoint = false,
                                  .bytes = segment.bytes});
        }
    }

    void missing(uint32_t first, uint32_t last) {
        std::string reason = "segments are missing: " + segment_name(first);
        if (last != first) {
            reason += " to " + segment_name(last);
        }
        out_.damages.push_back({.segment = first, .reason = std::move(reason)});
    }

    base::Files& files_;
    const std::vector<SegmentFile> segments_;
    Sources out_;
};

}  // namespace

base::Result<Sources> find_sources(base::Files& files, const base::Path& wal_folder) {
    TRY(auto checkpoints, list_checkpoints(files, wal_folder));
    TRY(auto segments, list_segments(files, wal_folder));
    return Finder(files, std::move(segments)).find(std::move(checkpoints));
}

std::optional<Damage> missing_beginning(const Sources& sources) {
    if (sources.checkpoint || sources.files.empty() || sources.files.front().segment == 0) {
        return std::nullopt;
    }
    const uint32_t first = sources.files.front().segment;
    return Damage{.segment = first - 1,
                  .reason = "the log begins with segment " + segment_name(first) +
                            " and there is no checkpoint: what it should have kept of the segments "
                            "before is lost"};
}

Damage malformed_record(const Source& source,
                        uint64_t offset,
                        base::ByteView record,
                        const base::Error& error) {
    return {.segment = source.segment,
            .offset = offset,
            .bytes = record.size(),
            .reason = error.message(),
            .checkpoint = source.checkpoint};
}

base::Status read_source(base::Files& files,
                         const Source& source,
                         base::ZstdDecoder& zstd,
                         std::vector<Damage>& damages,
                         const std::function<bool(base::ByteView record, uint64_t offset)>& take,
                         bool pass_over_samples) {
    auto file = files.map(source.path);
    if (!file) {
        damages.push_back({.segment = source.segment,
                           .bytes = source.bytes,
                           .reason = file.error().message(),
                           .checkpoint = source.checkpoint});
        return base::fail(std::move(file).error());
    }
    file.value()->advise(base::MappedFile::Advice::kSequential);
    SegmentReader reader(source.segment, file.value()->bytes(), zstd);
    if (pass_over_samples) {
        reader.pass_over_samples();
    }
    base::ByteView record;
    uint64_t dropped_at = 0;
    while (reader.next(record) && take(record, reader.record_offset())) {
        // What was read need not stay resident.
        if (reader.record_offset() >= dropped_at + kResidentBytes) {
            dropped_at = reader.record_offset();
            file.value()->advise(base::MappedFile::Advice::kDontNeed);
        }
    }
    for (Damage damage : reader.damages()) {
        damage.checkpoint = source.checkpoint;
        damages.push_back(std::move(damage));
    }
    return base::success();
}

}  // namespace tsdb::wal

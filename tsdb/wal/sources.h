// What there is to read of a write-ahead log, in which order, whatever happened to its files.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "base/byte_view.h"
#include "base/compress.h"
#include "base/file.h"
#include "base/result.h"
#include "tsdb/wal/reader.h"

namespace tsdb::wal {

// A file to read.
struct Source {
    base::Path path;
    uint32_t segment = 0;     // its number; of a checkpoint: the last segment it covers
    bool checkpoint = false;  // it is of a checkpoint
    uint64_t bytes = 0;
};

struct Sources {
    std::vector<Source> files;             // in the order to read them
    std::optional<Checkpoint> checkpoint;  // the newest
    // The newest checkpoint is damaged and what it was made of is there, in part at least: it is
    // read as well, in front. Records come twice then.
    bool fallback = false;
    std::vector<Damage> damages;  // segments that are missing, folders that cannot be listed
    std::optional<base::Error> unlisted;  // why a checkpoint's folder cannot be listed
};

// The newest checkpoint and the segments behind it. A checkpoint that is damaged (which is looked
// for only when something older is left to take its place) falls back on the checkpoint before and
// the segments between.
//   errors  as Files::list of the folder itself, nothing else; no folder, no files
[[nodiscard]] base::Result<Sources> find_sources(base::Files& files, const base::Path& wal_folder);

// What a log lacks that begins neither with its first segment nor with a checkpoint; nothing: it
// lacks nothing there. Not for the log of out-of-order samples, which has no checkpoints.
[[nodiscard]] std::optional<Damage> missing_beginning(const Sources& sources);

// A record that is whole and makes no sense.
[[nodiscard]] Damage malformed_record(const Source& source,
                                      uint64_t offset,
                                      base::ByteView record,
                                      const base::Error& error);

// Hands over every whole record of a file, in order.
//   pass_over_samples  hands over the other records only
//   take     the record, valid during the call, and its offset in the file; false ends the reading
//   damages  what could not be read is added, the file as a whole if it cannot be opened
//   errors   as Files::map: the file cannot be opened. A start goes on with the next one; who means
//            to remove the file afterwards had better not.
[[nodiscard]] base::Status read_source(
    base::Files& files,
    const Source& source,
    base::ZstdDecoder& zstd,
    std::vector<Damage>& damages,
    const std::function<bool(base::ByteView record, uint64_t offset)>& take,
    bool pass_over_samples = false);

}  // namespace tsdb::wal

// Chunk files of a block being written. source: docs/formats/block.md, after Prometheus 3.14
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "model/chunk.h"
#include "tsdb/block/block_file.h"
#include "tsdb/block/checksums.h"
#include "tsdb/block/index_reader.h"

namespace tsdb::block {

// A chunk for a block. `bytes` is the payload, written as it is.
struct ChunkInput {
    model::Encoding encoding = model::Encoding::kNone;
    std::span<const uint8_t> bytes;
    int64_t min_t = 0;
    int64_t max_t = 0;  // inclusive
};

// Writes chunks one behind the other into files of at most `segment_bytes`; a chunk that is longer
// gets a file of its own.
//   threads  one
class ChunkSegments {
  public:
    // folder  the block's, in which the folder of chunks exists
    ChunkSegments(base::Files& files, base::Path folder, uint64_t segment_bytes);

    // returns  where the chunk lies; ascending from call to call
    // errors   of the file system; kLimit: a chunk, or a file, too long for its place to be told
    [[nodiscard]] base::Result<ChunkRef> add(const ChunkInput& chunk);
    // Syncs the last file and the folder. returns  the sums of all files
    [[nodiscard]] base::Result<std::vector<FileChecksums>> finish();

  private:
    [[nodiscard]] base::Status next_segment();
    [[nodiscard]] base::Status end_segment();

    base::Files& files_;
    base::Path folder_;
    uint64_t segment_bytes_;
    std::optional<BlockFile> segment_;  // the last one
    std::vector<FileChecksums> finished_;
};

}  // namespace tsdb::block

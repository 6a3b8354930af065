// Several blocks into one. source: Prometheus 3.14, merge semantics (3.4)
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <stop_token>

#include "base/file.h"
#include "base/random.h"
#include "base/result.h"
#include "tsdb/block/block.h"
#include "tsdb/block/writer.h"

namespace tsdb {

struct CompactionOptions {
    block::BlockWriter::Options writing;
    uint32_t samples_per_chunk = 120;  // of chunks that are coded again
};

// Merges blocks by labels. Chunks that do not overlap pass through byte for byte, identical ones
// come once, overlapping ones are merged (one sample per time) and coded again; deleted stretches
// go.
//   blocks   one or more, by min_t
//   returns  the new block's meta, published in `data_folder`; nothing when no sample is left
//   memory   BlockWriter's, and one series at a time
//   errors   kCorrupt, naming the block; kNoSpace, kIo; kCanceled. Nothing is left behind.
[[nodiscard]] base::Result<std::optional<block::BlockMeta>> compact_blocks(
    base::Files& files,
    const base::Path& data_folder,
    std::span<const std::shared_ptr<const block::Block>> blocks,
    const block::Ulid& ulid,
    const CompactionOptions& options,
    const std::stop_token& stop);

}  // namespace tsdb

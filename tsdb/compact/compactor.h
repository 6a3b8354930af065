// Several blocks into one. source: Prometheus 3.14, merge semantics (3.4)
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <stop_token>

#include "base/file.h"
#include "base/result.h"
#include "tsdb/block/block.h"
#include "tsdb/block/writer.h"

namespace tsdb {

struct CompactionOptions {
    block::BlockWriter::Options writing;
    uint32_t samples_per_chunk = 120;  // of chunks that are coded again; 1 … 240
};

// Merges blocks by labels. Chunks that do not overlap pass through byte for byte, identical ones
// come once, overlapping ones are merged (one sample per time) and coded again; deleted stretches
// go. The blocks themselves stay.
//   blocks   one or more, by min_t
//   returns  the new block's meta, published in `data_folder`; nothing when no sample is left
//   memory   BlockWriter's, four bytes per symbol of each block, and one series at a time; counted
//            by options.writing.memory but for the last
//   errors   kCorrupt, naming the block, which is told too (Block::damage()); kNoSpace, kIo;
//            kCanceled. Nothing is left behind.
[[nodiscard]] base::Result<std::optional<block::BlockMeta>> compact_blocks(
    base::Files& files,
    const base::Path& data_folder,
    std::span<const std::shared_ptr<const block::Block>> blocks,
    const block::Ulid& ulid,
    const CompactionOptions& options,
    const std::stop_token& stop);

// What a block made of these says of itself: their whole time, one level more, all they were made
// of. It is from stale or selected series when one of them is, and out of order when all are.
//   metas  one or more
[[nodiscard]] block::BlockMeta compacted_meta(std::span<const block::BlockMeta> metas);

}  // namespace tsdb

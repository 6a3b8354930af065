// Taking deleted stretches out of chunks.
#pragma once

#include <span>
#include <vector>

#include "base/arena.h"
#include "base/result.h"
#include "model/chunk.h"
#include "tsdb/block/tombstones.h"

namespace tsdb::block {

inline constexpr size_t kCutChunkSamplesMax = 240;  // the most that an encoder puts into one

// Codes the chunk again without the samples that lie in `deleted`, and appends what is left of it,
// which may be nothing or several chunks; bytes and all in the arena.
//   errors  kCorrupt, kUnsupported: it cannot be decoded
[[nodiscard]] base::Status cut_chunk(const model::ChunkView& chunk,
                                     std::span<const Interval> deleted,
                                     base::Arena& arena,
                                     std::vector<model::ChunkView>& out);

}  // namespace tsdb::block

// A stretch of the head as a block.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "tsdb/block/writer.h"
#include "tsdb/head/head.h"

namespace tsdb {

struct BlockCut {
    int64_t min_t = 0;  // ms
    int64_t max_t = 0;  // ms, exclusive
    block::Ulid ulid;
    block::BlockWriter::Options writing;
    std::vector<std::string> hints;
    uint32_t samples_per_chunk = 120;  // of chunks that reach over the ends and are coded again
};

// Bytes that cutting the head as it is takes at most, as far as they grow with it.
//   postings_bytes  as in BlockWriter::Options
[[nodiscard]] uint64_t cut_memory(const Head& head, uint64_t postings_bytes);

// Writes the head's samples of [min_t, max_t) into a block in `data_folder`. Chunks pass through as
// they are but where they reach over the ends.
//   pin      keeps the series' memory
//   returns  the block's meta; nothing when there is no sample
//   memory   24 bytes per series, 4 per symbol, and BlockWriter's; counted by cut.writing.memory
//   errors   BlockWriter's; kCanceled. Nothing is left behind.
//   threads  any; appending goes on meanwhile
[[nodiscard]] base::Result<std::optional<block::BlockMeta>> write_head_block(
    base::Files& files,
    const base::Path& data_folder,
    const Head& head,
    const std::shared_ptr<const void>& pin,
    const BlockCut& cut,
    const std::stop_token& stop);

// The same of the samples that came late, of the series in `slots`.
//   damaged  counts chunks that could not be read and were left out
[[nodiscard]] base::Result<std::optional<block::BlockMeta>> write_out_of_order_block(
    base::Files& files,
    const base::Path& data_folder,
    const Head& head,
    const std::vector<uint32_t>& slots,
    const std::shared_ptr<const void>& pin,
    const BlockCut& cut,
    const std::stop_token& stop,
    uint64_t& damaged);

}  // namespace tsdb

// The symbols of several blocks as one table, written into a new block: afterwards series of all of
// them can be compared by numbers alone.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <stop_token>
#include <vector>

#include "base/result.h"
#include "tsdb/block/block.h"
#include "tsdb/block/writer.h"

namespace tsdb {

// For every block: its symbols' numbers in the new block, by their numbers in the old one. The
// numbers sort as the texts do.
using SymbolNumbers = std::vector<std::vector<uint32_t>>;

// Adds every symbol of the blocks to the writer, once.
//   memory  four bytes per symbol of each block
//   errors  kCorrupt, naming a block whose symbols do not ascend; kCanceled; the writer's
[[nodiscard]] base::Result<SymbolNumbers> unite_symbols(
    std::span<const std::shared_ptr<const block::Block>> blocks,
    block::BlockWriter& writer,
    const std::stop_token& stop);

}  // namespace tsdb

// How full a block's chunks are.
#pragma once

#include <span>

#include "base/result.h"
#include "tsdb/block/block.h"

namespace engine {

// Prints a histogram of samples per chunk, as promtool does. errors  kCorrupt
[[nodiscard]] base::Status print_fullness(const tsdb::block::Block& block,
                                          std::span<const tsdb::block::SeriesId> series);

}  // namespace engine

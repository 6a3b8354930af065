// The blocks of a data folder, looked at from outside: nothing is locked and nothing changed.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "tsdb/block/meta.h"

namespace engine {

struct StoredBlock {
    base::Path folder;
    tsdb::block::BlockMeta meta;
    uint64_t bytes = 0;  // of the files that every block has: as Prometheus counts
};

struct BlockListing {
    std::vector<StoredBlock> blocks;  // by their first time
    std::vector<std::string> broken;  // what is wrong with blocks that cannot be read
};

// errors  kNotFound: no such folder
[[nodiscard]] base::Result<BlockListing> list_blocks(base::Files& files, const base::Path& folder);

// One block. errors  as reading its meta.json
[[nodiscard]] base::Result<StoredBlock> stored_block(base::Files& files, const base::Path& folder);

// As promtool prints blocks: a line each, with a header when wanted; sizes and times in numbers or
// for people.
[[nodiscard]] std::string block_table(std::span<const StoredBlock> blocks,
                                      bool header,
                                      bool human_readable);

}  // namespace engine

// The files of a small block, made byte by byte for tests that read them: apart from the product's
// writer, so that the two check each other, and able to make what the writer never would.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "model/labels.h"
#include "model/sample.h"
#include "test/support/memory_files.h"

namespace block_test {

using Samples = std::vector<std::pair<int64_t, double>>;

struct SeriesOfBlock {
    model::Labels labels;
    std::vector<Samples> chunks;

    [[nodiscard]] Samples samples() const;
};

struct BlockFiles {
    std::string index;
    std::vector<std::string> segments;
};

// An XOR chunk's payload.
[[nodiscard]] std::string encode(const Samples& samples);
[[nodiscard]] Samples decode(std::span<const uint8_t> payload);

// series            sorted by labels by build()
// chunks_per_file   how many chunks a segment gets
[[nodiscard]] BlockFiles build(std::vector<SeriesOfBlock> series,
                               size_t chunks_per_file = SIZE_MAX,
                               uint8_t index_version = 2);

// Puts the files, and a meta.json that fits, into a folder.
void put(test_support::MemoryFiles& files,
         const std::string& folder,
         const BlockFiles& block,
         int64_t min_t,
         int64_t max_t);

}  // namespace block_test

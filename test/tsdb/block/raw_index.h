// A second, slow reading of the index format, which checks every rule of it: what the writer is
// held against.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/byte_view.h"

namespace block_test {

struct RawChunk {
    int64_t min_t = 0;
    int64_t max_t = 0;
    uint64_t ref = 0;
};

struct RawSeries {
    uint32_t id = 0;
    std::vector<std::pair<std::string, std::string>> labels;
    std::vector<RawChunk> chunks;
};

struct RawIndex {
    std::vector<std::string> symbols;
    std::vector<RawSeries> series;
    // In the order of the table.
    std::vector<std::pair<std::pair<std::string, std::string>, std::vector<uint32_t>>> postings;
};

// Fails the test case (CHECK) where the bytes break a rule.
[[nodiscard]] RawIndex read_raw_index(base::ByteView bytes);

}  // namespace block_test

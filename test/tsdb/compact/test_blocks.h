// Blocks with known content for compaction's tests, and their content as text.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "model/chunk_codec.h"
#include "tsdb/block/block.h"

namespace test_support {

using LabelMap = std::map<std::string, std::string>;
using Samples = std::vector<model::TypedSample>;
using BlockPointer = std::shared_ptr<const tsdb::block::Block>;

struct TestBlock {
    unsigned name = 1;  // becomes the ULID (planned_blocks.h)
    int64_t min_t = 0;
    int64_t max_t = 0;
    // Samples of each chunk; what does not fit one chunk becomes several.
    std::map<LabelMap, std::vector<Samples>> series;
    std::map<LabelMap, tsdb::block::Intervals> deleted;
    int level = 1;
    std::vector<std::string> hints;
};

[[nodiscard]] model::TypedSample float_sample(int64_t t, double v);
// A native histogram of `count` observations in some buckets; layouts differ.
[[nodiscard]] model::TypedSample histogram_sample(int64_t t,
                                                  uint64_t count,
                                                  uint64_t layout,
                                                  bool gauge);
[[nodiscard]] model::TypedSample float_histogram_sample(int64_t t,
                                                        double count,
                                                        uint64_t layout,
                                                        bool gauge);

// `count` float samples from `begin` on, `step` apart.
[[nodiscard]] Samples floats(int64_t begin, size_t count, int64_t step = 10, double first = 0);

// Writes and opens it.
BlockPointer write_block(base::Files& files, const base::Path& data_folder, const TestBlock& block);

// Samples by series and time, as a query over all the blocks sees them.
using Content = std::map<std::string, std::map<int64_t, std::string>>;
[[nodiscard]] Content content_of(std::span<const BlockPointer> blocks);

// A series' chunks as they lie.
struct RawChunk {
    model::Encoding encoding = model::Encoding::kNone;
    int64_t min_t = 0;
    int64_t max_t = 0;
    std::string bytes;

    bool operator==(const RawChunk&) const = default;
};

[[nodiscard]] std::vector<RawChunk> chunks_of(const tsdb::block::Block& block,
                                              const LabelMap& labels);
// Of all series, in the block's order.
[[nodiscard]] std::vector<LabelMap> series_of(const tsdb::block::Block& block);

}  // namespace test_support

#include "engine/commands/tsdb/fullness.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string>
#include <vector>

#include "engine/commands/tsdb/tool.h"
#include "model/chunk_codec.h"

namespace engine {
namespace {

constexpr size_t kBuckets = 10;
constexpr size_t kFullChunk = 120;  // samples

using Counts = std::array<uint64_t, kBuckets>;

void print(const Counts& counts, uint64_t chunks) {
    std::printf("\nCompaction analysis:\n");
    std::printf("Fullness: Amount of samples in chunks (100%% is 120 samples)\n");
    for (size_t bucket = 0; bucket < kBuckets; ++bucket) {
        const uint64_t percent = chunks == 0 ? 0 : 100 * counts[bucket] / chunks;
        std::printf("%7zu%%: %s\n", (bucket + 1) * 10, std::string(percent, '#').c_str());
    }
}

}  // namespace

base::Status print_fullness(const tsdb::block::Block& block,
                            std::span<const tsdb::block::SeriesId> series) {
    Counts counts{};
    uint64_t chunks = 0;
    Progress progress;
    std::vector<model::LabelSymbols> labels;
    std::vector<tsdb::block::ChunkMeta> metas;
    for (const auto id : series) {
        TRY(block.index().series(id, labels, &metas));
        for (const auto& meta : metas) {
            TRY(const auto chunk, block.chunk(meta.ref));
            const size_t samples =
                std::min(kFullChunk, model::sample_count(chunk.encoding, chunk.bytes));
            if (samples != 0) {
                ++counts[(samples * kBuckets + kFullChunk - 1) / kFullChunk - 1];
            }
            ++chunks;
        }
        progress.tick([&] { return "read " + std::to_string(chunks) + " chunks"; });
    }
    print(counts, chunks);
    return base::success();
}

}  // namespace engine

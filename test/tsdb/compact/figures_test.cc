// How fast compaction is. Hidden: run with [.figures], built with the release preset.
#include <array>
#include <chrono>
#include <ctime>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "test/support/temp_folder.h"
#include "test/tsdb/compact/planned_blocks.h"
#include "test/tsdb/compact/test_blocks.h"
#include "tsdb/block/writer.h"
#include "tsdb/compact/compactor.h"

using namespace test_support;  // NOLINT(google-build-using-namespace)
using tsdb::block::Block;
using tsdb::block::BlockWriter;
using tsdb::block::ChunkInput;

namespace {

constexpr unsigned kSeries = 300'000;
constexpr unsigned kInstances = 1000;  // of kSeries / kInstances series each
constexpr int64_t kWidth = 7'200'000;
constexpr size_t kChunks = 4;

std::string padded(unsigned n) {
    std::string digits = std::to_string(n);
    return std::string(6 - digits.size(), '0') + digits;
}

// Symbols ascend in the order they are added: instances, the name of that label, job, metrics.
BlockPointer write_large_block(base::Files& files, const base::Path& folder, unsigned n) {
    auto writer = BlockWriter::create(files, folder, ulid(n), {}).value();
    const auto add = [&](const std::string& text) {
        REQUIRE(writer->add_symbol(text).has_value());
    };
    add("__name__");
    for (unsigned i = 0; i < kInstances; ++i) {
        add("host-" + padded(i) + ":9100");
    }
    add("instance");
    for (unsigned i = 0; i < kSeries / kInstances; ++i) {
        add("metric_name_" + padded(i));
    }
    constexpr uint32_t kName = 1;
    constexpr uint32_t kHosts = 2;
    constexpr uint32_t kInstance = kHosts + kInstances;
    constexpr uint32_t kMetrics = kInstance + 1;
    std::vector<model::EncodedChunk> encoded;
    for (size_t i = 0; i < kChunks; ++i) {
        const auto begin = static_cast<int64_t>(n) * kWidth + static_cast<int64_t>(i) * 1'800'000;
        model::encode_samples(floats(begin, 120, 15'000), 120, encoded);
    }
    std::vector<ChunkInput> chunks;
    for (const model::EncodedChunk& chunk : encoded) {
        chunks.push_back(
            {chunk.encoding,
             {reinterpret_cast<const uint8_t*>(chunk.bytes.data()), chunk.bytes.size()},
             chunk.min_t,
             chunk.max_t});
    }
    for (unsigned i = 0; i < kSeries; ++i) {
        const std::array labels{model::LabelSymbols{kName, kMetrics + i / kInstances},
                                model::LabelSymbols{kInstance, kHosts + i % kInstances}};
        if (!writer->add_series(labels, chunks).has_value()) {
            FAIL("series not taken");
        }
    }
    tsdb::block::BlockMeta meta;
    meta.min_t = static_cast<int64_t>(n) * kWidth;
    meta.max_t = meta.min_t + kWidth;
    REQUIRE(writer->publish(meta).value().has_value());
    return Block::open(files, base::join_path(folder, ulid(n).text())).value();
}

}  // namespace

TEST_CASE("compacting three blocks of 300,000 series", "[.figures]") {
    const TempFolder folder;
    const auto files = base::make_posix_files();
    std::vector<BlockPointer> blocks;
    for (const unsigned n : {1U, 2U, 3U}) {
        blocks.push_back(write_large_block(*files, folder.path(), n));
    }
    // Time of the processor: the disk's depends on what else the machine does.
    const auto begin = std::chrono::steady_clock::now();
    const std::clock_t cpu_begin = std::clock();
    const auto done = tsdb::compact_blocks(*files, folder.path(), blocks, ulid(900), {}, {});
    const double cpu_ns = 1e9 * static_cast<double>(std::clock() - cpu_begin) / CLOCKS_PER_SEC;
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    REQUIRE(done.has_value());
    REQUIRE(done.value()->stats.series == kSeries);
    REQUIRE(done.value()->stats.chunks == uint64_t{kSeries} * 3 * kChunks);
    std::cout << "compaction: " << cpu_ns / (3.0 * kSeries) << " ns of CPU per series of a block, "
              << cpu_ns / (3.0 * kSeries * kChunks) << " per chunk; " << took.count() << " s\n";
}

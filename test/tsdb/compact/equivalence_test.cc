// What a query sees before a compaction it sees afterwards, whatever the blocks hold.
#include <algorithm>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "test/support/memory_files.h"
#include "test/support/seed.h"
#include "test/tsdb/compact/planned_blocks.h"
#include "test/tsdb/compact/test_blocks.h"
#include "tsdb/compact/compactor.h"

using namespace test_support;  // NOLINT(google-build-using-namespace)
using tsdb::block::Block;

namespace {

constexpr unsigned kResult = 900;
constexpr int64_t kStep = 10;

int64_t random_time(base::Random& random, int64_t below) {
    return static_cast<int64_t>(random.below(static_cast<uint64_t>(below / kStep))) * kStep;
}

// The one sample that series number `series` has at this time, in whichever block: floats, the
// three kinds of histograms, and changes between them; counters that reset, layouts that change.
model::TypedSample sample_at(unsigned series, int64_t t) {
    const auto epoch = static_cast<uint64_t>(t / 700);
    const auto count = static_cast<uint64_t>(t % 1900) + 1;
    switch (series % 5) {
        case 0:
            return float_sample(t, static_cast<double>(t) / 3);
        case 1:
            return histogram_sample(t, count, epoch, false);
        case 2:
            return float_histogram_sample(t, static_cast<double>(count), epoch, false);
        case 3:
            return histogram_sample(t, 5000 - static_cast<uint64_t>(t % 300), epoch, true);
        default:
            return t / 400 % 2 == 0 ? float_sample(t, 1) : histogram_sample(t, count, 0, false);
    }
}

LabelMap labels_of(unsigned series) {
    LabelMap labels{{"__name__", "metric_" + std::to_string(series % 7)}};
    if (series % 3 != 0) {
        labels["zone"] = std::to_string(series);
    }
    labels["instance"] = "host" + std::to_string(series);
    return labels;
}

std::vector<Samples> random_chunks(base::Random& random, unsigned series, const TestBlock& block) {
    std::vector<Samples> chunks;
    int64_t t = block.min_t + random_time(random, 300);
    // Some series have times that all blocks share, others of their own.
    const uint64_t every = 1 + random.below(3);
    while (t < block.max_t) {
        Samples samples;
        for (uint64_t count = 1 + random.below(40); count > 0 && t < block.max_t; --count) {
            samples.push_back(sample_at(series, t));
            t += kStep * static_cast<int64_t>(1 + random.below(every));
        }
        chunks.push_back(std::move(samples));
        t += random.below(3) == 0 ? random_time(random, 200) : 0;
    }
    return chunks;
}

TestBlock random_block(base::Random& random, unsigned name) {
    TestBlock block;
    block.name = name;
    block.min_t = random_time(random, 3000);
    block.max_t = block.min_t + kStep * static_cast<int64_t>(1 + random.below(200));
    const uint64_t count = 1 + random.below(12);
    for (uint64_t i = 0; i < count; ++i) {
        const auto series = static_cast<unsigned>(random.below(20));
        auto chunks = random_chunks(random, series, block);
        if (chunks.empty()) {
            continue;
        }
        const LabelMap labels = labels_of(series);
        block.series[labels] = std::move(chunks);
        for (uint64_t stretches = random.below(4); stretches > 1; --stretches) {
            const int64_t from = random_time(random, 5000) - 5;
            tsdb::block::add_interval(block.deleted[labels],
                                      {from, from + random_time(random, 1000)});
        }
    }
    if (block.series.empty()) {
        block.series[labels_of(0)] = {{sample_at(0, block.min_t)}};
    }
    return block;
}

std::vector<TestBlock> random_blocks(base::Random& random) {
    std::vector<TestBlock> blocks;
    const uint64_t count = 1 + random.below(5);
    for (unsigned i = 0; i < count; ++i) {
        if (i > 0 && random.below(4) == 0) {
            TestBlock copy = blocks[random.below(i)];  // as two replicas would write it
            copy.name = i + 1;
            copy.deleted.clear();
            blocks.push_back(std::move(copy));
        } else {
            blocks.push_back(random_block(random, i + 1));
        }
    }
    std::ranges::sort(blocks, {}, &TestBlock::min_t);
    return blocks;
}

void check_chunks(const Block& block) {
    for (const LabelMap& labels : series_of(block)) {
        const auto chunks = chunks_of(block, labels);
        REQUIRE_FALSE(chunks.empty());
        for (size_t i = 0; i < chunks.size(); ++i) {
            REQUIRE(chunks[i].min_t >= block.meta().min_t);
            REQUIRE(chunks[i].max_t < block.meta().max_t);
            REQUIRE((i == 0 || chunks[i].min_t > chunks[i - 1].max_t));
        }
    }
}

}  // namespace

TEST_CASE("a query sees the same before and after compaction", "[tsdb][compact]") {
    const uint64_t seed = test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    for (int round = 0; round < 150; ++round) {
        CAPTURE(round);
        MemoryFiles files;
        std::vector<BlockPointer> blocks;
        for (const TestBlock& block : random_blocks(random)) {
            blocks.push_back(write_block(files, "/data", block));
        }
        const Content want = content_of(blocks);
        const auto done = tsdb::compact_blocks(files, "/data", blocks, ulid(kResult), {}, {});
        INFO((done.has_value() ? "" : done.error().message()));
        REQUIRE(done.has_value());
        REQUIRE(done.value().has_value() == !want.empty());
        if (done.value().has_value()) {
            const auto result = Block::open(files, base::join_path("/data", ulid(kResult).text()));
            REQUIRE(result.has_value());
            REQUIRE(content_of({{result.value()}}) == want);
            check_chunks(*result.value());
        }
    }
}

#include "tsdb/compact/compactor.h"

#include <algorithm>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "test/support/memory_files.h"
#include "test/tsdb/compact/planned_blocks.h"
#include "test/tsdb/compact/test_blocks.h"

using namespace test_support;  // NOLINT(google-build-using-namespace)
using Catch::Matchers::Contains;
using tsdb::compact_blocks;
using tsdb::block::Block;
using tsdb::block::BlockMeta;

namespace {

constexpr unsigned kResult = 900;
constexpr const char* kFolder = "/data";

base::Result<std::optional<BlockMeta>> try_compact(base::Files& files,
                                                   const std::vector<BlockPointer>& blocks,
                                                   const std::stop_token& stop = {}) {
    return compact_blocks(files, kFolder, blocks, ulid(kResult), {}, stop);
}

// Compacts blocks of these descriptions, and opens the result.
struct Compaction {
    explicit Compaction(const std::vector<TestBlock>& wanted) {
        for (const TestBlock& block : wanted) {
            blocks.push_back(write_block(files, kFolder, block));
        }
        const auto done = try_compact(files, blocks);
        INFO((done.has_value() ? "" : done.error().message()));
        REQUIRE(done.has_value());
        if (done.value().has_value()) {
            auto opened = Block::open(files, base::join_path(kFolder, ulid(kResult).text()));
            REQUIRE(opened.has_value());
            result = opened.value();
            CHECK(result->meta() == *done.value());
        }
    }

    MemoryFiles files;
    std::vector<BlockPointer> blocks;
    BlockPointer result;
};

LabelMap series(const std::string& name) {
    return {{"__name__", name}, {"job", "j"}};
}

TestBlock block(unsigned name, int64_t min_t, int64_t max_t) {
    TestBlock out;
    out.name = name;
    out.min_t = min_t;
    out.max_t = max_t;
    return out;
}

TestBlock one_series(unsigned name, int64_t min_t, int64_t max_t, std::vector<Samples> chunks) {
    TestBlock out = block(name, min_t, max_t);
    out.series[series("a")] = std::move(chunks);
    return out;
}

std::vector<std::string> folders(base::Files& files) {
    std::vector<std::string> names;
    const auto entries = files.list(kFolder);
    for (const auto& entry : entries.value()) {
        names.push_back(entry.name);
    }
    return names;
}

}  // namespace

TEST_CASE("compaction passes chunks that do not overlap byte for byte", "[tsdb][compact]") {
    const Compaction done({one_series(1, 0, 100, {floats(0, 5), floats(50, 5)}),
                           one_series(2, 100, 200, {floats(100, 10)})});
    auto want = chunks_of(*done.blocks[0], series("a"));
    const auto second = chunks_of(*done.blocks[1], series("a"));
    want.insert(want.end(), second.begin(), second.end());
    CHECK(want.size() == 3);
    CHECK(chunks_of(*done.result, series("a")) == want);
}

TEST_CASE("compaction orders series by labels, whichever block they come from", "[tsdb][compact]") {
    TestBlock first = block(1, 0, 100);
    first.series[{{"a", "2"}}] = {floats(0, 3)};
    first.series[{{"a", "1"}, {"b", "x"}}] = {floats(0, 3)};
    first.series[{{"z", "z"}}] = {floats(0, 3)};
    TestBlock second = block(2, 100, 200);
    second.series[{{"a", "1"}}] = {floats(100, 3)};
    second.series[{{"a", "2"}}] = {floats(100, 3)};
    second.series[{{"a", "10"}}] = {floats(100, 3)};
    const Compaction done({first, second});
    CHECK(series_of(*done.result) ==
          std::vector<LabelMap>{
              {{"a", "1"}}, {{"a", "1"}, {"b", "x"}}, {{"a", "10"}}, {{"a", "2"}}, {{"z", "z"}}});
    CHECK(content_of({{done.result}}) == content_of(done.blocks));
    CHECK(done.result->meta().stats.series == 5);
    CHECK(done.result->meta().stats.samples == 18);
}

TEST_CASE("compaction keeps one of identical chunks", "[tsdb][compact]") {
    const std::vector<Samples> chunks{floats(0, 5), floats(50, 5)};
    const Compaction done({one_series(1, 0, 100, chunks),
                           one_series(2, 0, 100, chunks),
                           one_series(3, 0, 100, {floats(50, 5)})});
    CHECK(chunks_of(*done.result, series("a")) == chunks_of(*done.blocks[0], series("a")));
}

TEST_CASE("compaction merges overlapping chunks and leaves their neighbours as they are",
          "[tsdb][compact]") {
    const Compaction done({one_series(1, 0, 400, {floats(0, 5), floats(100, 5), floats(300, 5)}),
                           one_series(2, 0, 400, {floats(105, 5), floats(200, 5)})});
    const auto first = chunks_of(*done.blocks[0], series("a"));
    const auto second = chunks_of(*done.blocks[1], series("a"));
    const auto merged = chunks_of(*done.result, series("a"));
    REQUIRE(merged.size() == 4);
    CHECK(merged[0] == first[0]);
    CHECK(merged[1].min_t == 100);
    CHECK(merged[1].max_t == 145);
    CHECK(merged[2] == second[1]);
    CHECK(merged[3] == first[2]);
    CHECK(content_of({{done.result}}) == content_of(done.blocks));
    CHECK(done.result->meta().stats.samples == 25);
}

TEST_CASE("compaction keeps one sample per time, of the chunk that begins first",
          "[tsdb][compact]") {
    const Compaction done({one_series(1, 0, 100, {floats(0, 5, 10, 100)}),
                           one_series(2, 0, 100, {floats(20, 5, 10, 200)})});
    CHECK(content_of({{done.result}}) == content_of(done.blocks));
    CHECK(done.result->meta().stats.samples == 7);
    const Compaction equal({one_series(1, 0, 100, {floats(0, 5, 10, 100)}),
                            one_series(2, 0, 100, {floats(0, 6, 10, 200)})});
    CHECK(content_of({{equal.result}}) == content_of(equal.blocks));
    CHECK(equal.result->meta().stats.samples == 6);
}

TEST_CASE("compaction cuts merged samples into chunks of 120 of one kind", "[tsdb][compact]") {
    Samples histograms;
    for (int64_t i = 0; i < 50; ++i) {
        histograms.push_back(histogram_sample(2000 + 10 * i, 100 + i, 1, false));
    }
    Samples mixed = floats(5, 200);
    mixed.insert(mixed.end(), histograms.begin(), histograms.end());
    const Compaction done({one_series(1, 0, 4000, {floats(0, 200)}),
                           one_series(2, 0, 4000, {mixed}),
                           one_series(3, 0, 4000, {floats(2005, 1)})});
    for (const RawChunk& chunk : chunks_of(*done.result, series("a"))) {
        const size_t count = model::sample_count(
            chunk.encoding,
            {reinterpret_cast<const uint8_t*>(chunk.bytes.data()), chunk.bytes.size()});
        CHECK(count <= 120);
    }
    CHECK(done.result->meta().stats.float_samples == 401);
    CHECK(done.result->meta().stats.histogram_samples == 50);
    CHECK(content_of({{done.result}}) == content_of(done.blocks));
}

TEST_CASE("compaction drops what is deleted", "[tsdb][compact]") {
    TestBlock first = one_series(1, 0, 200, {floats(0, 5), floats(50, 5), floats(100, 5)});
    first.series[series("b")] = {floats(0, 5)};
    first.series[series("c")] = {floats(0, 5)};
    first.deleted[series("a")] = {{0, 45}, {70, 79}};
    first.deleted[series("b")] = {{-1000, 1000}};
    const Compaction done({first});
    CHECK(series_of(*done.result) == std::vector<LabelMap>{series("a"), series("c")});
    const auto before = chunks_of(*done.blocks[0], series("a"));
    const auto after = chunks_of(*done.result, series("a"));
    REQUIRE(after.size() == 2);
    CHECK(after[0].min_t == 50);
    CHECK(after[0].max_t == 90);
    CHECK(after[1] == before[2]);
    CHECK(done.result->meta().stats.samples == 4 + 5 + 5);
    CHECK(done.result->meta().stats.tombstones == 0);
    CHECK(done.result->tombstones().empty());
    CHECK(content_of({{done.result}}) == content_of(done.blocks));
}

TEST_CASE("compaction deletes in one block what stays in another", "[tsdb][compact]") {
    TestBlock first = one_series(1, 0, 100, {floats(0, 10)});
    first.deleted[series("a")] = {{30, 50}};
    const Compaction done({first, one_series(2, 0, 100, {floats(0, 10)})});
    CHECK(done.result->meta().stats.samples == 10);
    CHECK(content_of({{done.result}}) == content_of(done.blocks));
    // What is left of a chunk no longer overlaps: the other passes as it is.
    TestBlock cut = one_series(3, 0, 100, {floats(0, 10)});
    cut.deleted[series("a")] = {{50, 100}};
    const Compaction apart({cut, one_series(4, 0, 100, {floats(60, 3)})});
    const auto chunks = chunks_of(*apart.result, series("a"));
    REQUIRE(chunks.size() == 2);
    CHECK(chunks[0].max_t == 40);
    CHECK(chunks[1] == chunks_of(*apart.blocks[1], series("a"))[0]);
}

TEST_CASE("compaction of which nothing is left makes no block", "[tsdb][compact]") {
    TestBlock first = one_series(1, 0, 100, {floats(0, 5)});
    first.deleted[series("a")] = {{0, 100}};
    Compaction done({first});
    CHECK(done.result == nullptr);
    CHECK(folders(done.files) == std::vector<std::string>{ulid(1).text()});
}

TEST_CASE("compaction drops samples outside the blocks' times", "[tsdb][compact]") {
    const Compaction done({one_series(1, 20, 60, {floats(0, 10)})});
    const auto chunks = chunks_of(*done.result, series("a"));
    REQUIRE(chunks.size() == 1);
    CHECK(chunks[0].min_t == 20);
    CHECK(chunks[0].max_t == 50);
}

TEST_CASE("the result says what it was made of", "[tsdb][compact]") {
    TestBlock first = one_series(5, 0, 100, {floats(0, 5)});
    first.level = 2;
    const Compaction done({first, one_series(2, 100, 220, {floats(100, 5)})});
    const BlockMeta& meta = done.result->meta();
    CHECK(meta.ulid == ulid(kResult));
    CHECK(meta.level == 3);
    CHECK(meta.min_t == 0);
    CHECK(meta.max_t == 220);
    CHECK(numbers(meta.sources) == std::vector<unsigned>{2, 5});
    CHECK(meta.parents ==
          std::vector<tsdb::block::BlockParent>{{ulid(5), 0, 100}, {ulid(2), 100, 220}});
    CHECK(meta.hints.empty());
}

TEST_CASE("the result's sources are those of all, once, and hints stay true", "[tsdb][compact]") {
    using tsdb::block::kHintOutOfOrder;
    using tsdb::block::kHintSelectedSeries;
    using tsdb::block::kHintStaleSeries;
    const auto meta = [](std::vector<unsigned> sources, std::vector<std::string_view> hints) {
        BlockMeta out;
        for (const unsigned n : sources) {
            out.sources.push_back(ulid(n));
        }
        out.hints.assign(hints.begin(), hints.end());
        return out;
    };
    const auto made = [](std::vector<BlockMeta> metas) { return tsdb::compacted_meta(metas); };
    CHECK(numbers(made({meta({5, 3}, {}), meta({4, 3}, {})}).sources) ==
          std::vector<unsigned>{3, 4, 5});
    CHECK(made({meta({1}, {kHintOutOfOrder}), meta({2}, {})}).hints.empty());
    CHECK(made({meta({1}, {kHintOutOfOrder}), meta({2}, {kHintOutOfOrder})})
              .has_hint(kHintOutOfOrder));
    CHECK(made({meta({1}, {kHintStaleSeries}), meta({2}, {})}).has_hint(kHintStaleSeries));
    CHECK(made({meta({1}, {}), meta({2}, {kHintSelectedSeries})}).has_hint(kHintSelectedSeries));
    CHECK(made({meta({1}, {})}).level == 2);
}

TEST_CASE("compaction never claims that no reset lies between samples of two sources",
          "[tsdb][compact]") {
    // Every second sample comes from a counter that stands much higher.
    Samples low;
    Samples high;
    for (int64_t i = 0; i < 40; ++i) {
        low.push_back(histogram_sample(20 * i, 10 + i, 1, false));
        high.push_back(histogram_sample(20 * i + 10, 1000 + i, 1, false));
    }
    const Compaction done({one_series(1, 0, 1000, {low}), one_series(2, 0, 1000, {high})});
    CHECK(done.result->meta().stats.histogram_samples == 80);
    for (const RawChunk& chunk : chunks_of(*done.result, series("a"))) {
        Samples samples;
        REQUIRE(
            model::decode_samples({.encoding = chunk.encoding,
                                   .bytes = {reinterpret_cast<const uint8_t*>(chunk.bytes.data()),
                                             chunk.bytes.size()},
                                   .min_t = chunk.min_t,
                                   .max_t = chunk.max_t},
                                  samples)
                .has_value());
        for (size_t i = 1; i < samples.size(); ++i) {
            const bool fell = samples[i].integer->count < samples[i - 1].integer->count;
            CHECK((!fell || samples[i].integer->hint != model::CounterResetHint::kNotReset));
        }
    }
    CHECK(content_of({{done.result}}) == content_of(done.blocks));
}

TEST_CASE("compaction counts its memory, and gives all back", "[tsdb][compact][memory]") {
    MemoryFiles files;
    const std::vector<BlockPointer> blocks = {
        write_block(files, kFolder, one_series(1, 0, 100, {floats(0, 5)})),
        write_block(files, kFolder, one_series(2, 100, 200, {floats(100, 5)}))};
    base::Budget process("process", 1);  // which compactions may exceed
    base::MemoryReserve memory("upkeep memory", process);
    tsdb::CompactionOptions options;
    options.writing.memory = &memory;
    REQUIRE(compact_blocks(files, kFolder, blocks, ulid(kResult), options, {}));
    CHECK(memory.most_taken() > 0);
    CHECK(memory.taken() == 0);
    CHECK(process.used() == 0);
}

TEST_CASE("compaction that is told to stop leaves nothing behind", "[tsdb][compact]") {
    MemoryFiles files;
    const std::vector blocks{write_block(files, kFolder, one_series(1, 0, 100, {floats(0, 5)}))};
    std::stop_source stop;
    stop.request_stop();
    const auto done = try_compact(files, blocks, stop.get_token());
    REQUIRE(done.has_error());
    CHECK(done.error().code() == base::Code::kCanceled);
    CHECK(folders(files) == std::vector<std::string>{ulid(1).text()});
}

TEST_CASE("compaction names the block that is damaged, tells it, and leaves nothing behind",
          "[tsdb][compact]") {
    MemoryFiles files;
    const std::string folder = base::join_path(kFolder, ulid(2).text());
    write_block(files, kFolder, one_series(1, 0, 100, {floats(0, 5)}));
    write_block(files, kFolder, one_series(2, 100, 200, {floats(100, 5)}));
    const bool in_chunk = GENERATE(true, false);
    CAPTURE(in_chunk);
    // Behind the header of the chunk file; within the only series' entry of the index.
    const std::string index = files.content(folder + "/index");
    const size_t entry = index.find(std::string(1, '\x02'), index.find("job") + 8);
    REQUIRE(entry != std::string::npos);
    if (in_chunk) {
        files.flip_bit(folder + "/chunks/000001", 14, 3);
    } else {
        files.flip_bit(folder + "/index", entry + 2, 0);
    }
    std::vector<BlockPointer> blocks;
    for (const unsigned n : {1U, 2U}) {
        auto opened = Block::open(files, base::join_path(kFolder, ulid(n).text()));
        INFO((opened.has_value() ? "" : opened.error().message()));
        REQUIRE(opened.has_value());
        blocks.push_back(opened.value());
    }
    const auto done = try_compact(files, blocks);
    REQUIRE(done.has_error());
    CHECK(done.error().code() == base::Code::kCorrupt);
    CHECK_THAT(done.error().message(), Contains(ulid(2).text()));
    CHECK_FALSE(blocks[0]->damage().has_value());
    CHECK(blocks[1]->damage().has_value());
    CHECK(folders(files) == std::vector<std::string>{ulid(1).text(), ulid(2).text()});
}

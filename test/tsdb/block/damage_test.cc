// Every single bit of a small block's index and chunk files, flipped one at a time, and every
// length they may be cut to: refused, or reported when read, or harmless. Never a wrong answer.
#include <cstdio>
#include <optional>

#include <catch2/catch.hpp>

#include "test/support/memory_files.h"
#include "test/tsdb/block/block_builder.h"
#include "tsdb/block/chunk_reader.h"
#include "tsdb/block/index_reader.h"

namespace {

using block_test::SeriesOfBlock;
using tsdb::block::ChunkReader;
using tsdb::block::IndexReader;
using tsdb::block::PostingsView;

constexpr std::string_view kFolder = "/data/block";
constexpr std::string_view kSegment = "/data/block/chunks/000001";

std::vector<SeriesOfBlock> thirty_series() {
    std::vector<SeriesOfBlock> all;
    for (int i = 0; i < 30; ++i) {
        SeriesOfBlock series;
        series.labels =
            model::Labels::from_unsorted({{"__name__", "metric_" + std::to_string(i % 3)},
                                          {"job", i % 2 == 0 ? "api" : "db"},
                                          {"n", std::to_string(i)}});
        for (int64_t chunk = 0; chunk < 2; ++chunk) {
            series.chunks.push_back({{chunk * 60000, i + 0.5},
                                     {chunk * 60000 + 15000, i},
                                     {chunk * 60000 + 30000 + i, 7}});
        }
        all.push_back(std::move(series));
    }
    return all;
}

void append(std::string& digest, PostingsView list) {
    for (size_t i = 0; i < list.size(); ++i) {
        digest += std::to_string(list[i]) + ",";
    }
}

// Everything an index says; nothing when any of it is reported as damaged.
std::optional<std::string> read_index(const IndexReader& index) {
    std::string digest;
    for (const std::string_view name : index.label_names()) {
        const auto values = index.label_values(name);
        if (!values.has_value()) {
            return std::nullopt;
        }
        for (const std::string_view value : values.value()) {
            const auto list = index.postings(name, value);
            if (!list.has_value()) {
                return std::nullopt;
            }
            digest.append(name).append("=").append(value).append(":");
            append(digest, list.value());
        }
    }
    const auto all = index.all_postings();
    if (!all.has_value()) {
        return std::nullopt;
    }
    append(digest, all.value());
    std::vector<model::LabelSymbols> labels;
    std::vector<tsdb::block::ChunkMeta> chunks;
    for (size_t i = 0; i < all.value().size(); ++i) {
        if (!index.series(all.value()[i], labels, &chunks).has_value()) {
            return std::nullopt;
        }
        for (const auto& label : labels) {
            digest.append(index.text(label.name)).append("=").append(index.text(label.value));
        }
        for (const auto& chunk : chunks) {
            digest += std::to_string(chunk.min_t) + " " + std::to_string(chunk.max_t) + " " +
                      std::to_string(chunk.ref) + ";";
        }
    }
    return digest;
}

// How damaged files were dealt with.
struct Counts {
    size_t refused = 0;
    size_t reported = 0;
    size_t harmless = 0;
};

// Opens and reads an index that may be damaged.
void check_index(const std::string& bytes, const std::string& want, Counts& counts) {
    // A copy of just this size, so that a sanitizer sees a read behind its end.
    const std::vector<uint8_t> exact(bytes.begin(), bytes.end());
    const auto index = IndexReader::open(exact);
    if (!index.has_value()) {
        const auto code = index.error().code();
        REQUIRE((code == base::Code::kCorrupt || code == base::Code::kUnsupported));
        ++counts.refused;
        return;
    }
    const auto got = read_index(*index.value());
    if (!got.has_value()) {
        ++counts.reported;
        return;
    }
    ++counts.harmless;
    REQUIRE(*got == want);
}

// Reads the chunks at the given places.
void check_chunks(test_support::MemoryFiles& files,
                  std::span<const tsdb::block::ChunkRef> refs,
                  std::span<const std::string> want,
                  Counts& counts) {
    const auto reader = ChunkReader::open(files, std::string(kFolder));
    if (!reader.has_value()) {
        const auto code = reader.error().code();
        REQUIRE((code == base::Code::kCorrupt || code == base::Code::kUnsupported));
        ++counts.refused;
        return;
    }
    bool reported = false;
    for (size_t i = 0; i < refs.size(); ++i) {
        const auto chunk = reader.value().chunk(refs[i]);
        if (!chunk.has_value()) {
            reported = true;
            continue;
        }
        REQUIRE(chunk.value().encoding == model::Encoding::kXor);
        REQUIRE(base::ByteView(chunk.value().bytes) == base::ByteView(want[i]));
    }
    ++(reported ? counts.reported : counts.harmless);
}

}  // namespace

TEST_CASE("a flipped bit in an index is found or harmless", "[tsdb][block][damage]") {
    const std::string good = block_test::build(thirty_series()).index;
    const std::string want = *read_index(*IndexReader::open(good).value());
    Counts counts;
    std::string bytes = good;
    for (size_t bit = 0; bit < good.size() * 8; ++bit) {
        CAPTURE(bit);
        bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
        check_index(bytes, want, counts);
        bytes[bit / 8] = good[bit / 8];
    }
    CHECK(counts.refused > good.size());
    CHECK(counts.reported > good.size());
    // The version that is as good, and zeros between the parts.
    CHECK(counts.harmless <= 1 + 8 * (30 * 15 + 37 * 3));
}

TEST_CASE("an index that is cut off is refused", "[tsdb][block][damage]") {
    const std::string good = block_test::build(thirty_series()).index;
    Counts counts;
    for (size_t length = 0; length < good.size(); ++length) {
        CAPTURE(length);
        check_index(good.substr(0, length), "", counts);
    }
    CHECK(counts.refused == good.size());
}

TEST_CASE("a flipped bit in a chunk file is found or harmless", "[tsdb][block][damage]") {
    const auto series = thirty_series();
    const auto block = block_test::build(series);
    const auto index = IndexReader::open(block.index);
    std::vector<tsdb::block::ChunkRef> refs;
    std::vector<std::string> want;
    test_support::MemoryFiles files;
    block_test::put(files, std::string(kFolder), block, 0, 120001);
    const auto intact = ChunkReader::open(files, std::string(kFolder));
    const auto all = index.value()->all_postings();
    std::vector<model::LabelSymbols> labels;
    std::vector<tsdb::block::ChunkMeta> chunks;
    for (size_t i = 0; i < all.value().size(); ++i) {
        REQUIRE(index.value()->series(all.value()[i], labels, &chunks).has_value());
        for (const auto& chunk : chunks) {
            refs.push_back(chunk.ref);
            want.emplace_back(base::ByteView(intact.value().chunk(chunk.ref).value().bytes).text());
        }
    }
    REQUIRE(refs.size() == 60);

    const std::string& good = block.segments[0];
    Counts counts;
    SECTION("flipped") {
        for (size_t bit = 0; bit < good.size() * 8; ++bit) {
            CAPTURE(bit);
            files.flip_bit(std::string(kSegment), bit / 8, static_cast<unsigned>(bit % 8));
            check_chunks(files, refs, want, counts);
            files.flip_bit(std::string(kSegment), bit / 8, static_cast<unsigned>(bit % 8));
        }
        CHECK(counts.refused == 5 * 8);   // magic and version
        CHECK(counts.harmless == 3 * 8);  // nothing depends on the rest of the header
    }
    SECTION("cut off") {
        for (size_t length = 0; length < good.size(); ++length) {
            CAPTURE(length);
            files.put(kSegment.data(), good.substr(0, length));
            check_chunks(files, refs, want, counts);
        }
        CHECK(counts.refused == 8);
        CHECK(counts.harmless == 0);
    }
}

TEST_CASE("a place that holds no chunk is reported", "[tsdb][block][damage]") {
    test_support::MemoryFiles files;
    const auto block = block_test::build(thirty_series(), 20);
    REQUIRE(block.segments.size() == 3);
    block_test::put(files, std::string(kFolder), block, 0, 120001);
    const auto reader = ChunkReader::open(files, std::string(kFolder));
    REQUIRE(reader.has_value());
    for (const tsdb::block::ChunkRef ref : {uint64_t{0},
                                            uint64_t{7},
                                            uint64_t{9},
                                            uint64_t{3} << 32 | 8,
                                            uint64_t{UINT32_MAX},
                                            UINT64_MAX}) {
        CAPTURE(ref);
        const auto chunk = reader.value().chunk(ref);
        REQUIRE_FALSE(chunk.has_value());
        CHECK(chunk.error().code() == base::Code::kCorrupt);
    }
    CHECK(reader.value().chunk(uint64_t{2} << 32 | 8).has_value());
}

TEST_CASE("chunk files with one missing in the row are refused", "[tsdb][block][damage]") {
    test_support::MemoryFiles files;
    block_test::put(files, std::string(kFolder), block_test::build(thirty_series(), 20), 0, 120001);
    const auto missing = GENERATE("/data/block/chunks/000001", "/data/block/chunks/000002");
    REQUIRE(files.remove(missing).has_value());
    const auto reader = ChunkReader::open(files, std::string(kFolder));
    REQUIRE_FALSE(reader.has_value());
    CHECK(reader.error().code() == base::Code::kCorrupt);
    CHECK(reader.error().message().find("missing") != std::string::npos);
}

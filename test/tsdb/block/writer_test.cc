#include "tsdb/block/writer.h"

#include <map>

#include <catch2/catch.hpp>

#include "base/bytes.h"
#include "base/checksum.h"
#include "test/support/fault_files.h"
#include "test/support/memory_files.h"
#include "test/support/seed.h"
#include "test/tsdb/block/block_data.h"
#include "test/tsdb/block/raw_index.h"
#include "tsdb/block/checksums.h"

using block_test::Series;
using block_test::write_block;
using test_support::FaultFiles;
using test_support::FileCall;
using test_support::MemoryFiles;
using tsdb::block::BlockMeta;
using tsdb::block::BlockWriter;
using tsdb::block::Ulid;

namespace {

const Ulid kUlid = *Ulid::parse("01ARZ3NDEKTSV4RRFFQ69G5FAV");
constexpr const char* kBlock = "/data/01ARZ3NDEKTSV4RRFFQ69G5FAV";

void make_data_folder(MemoryFiles& files) {
    REQUIRE(files.make_folders("/data"));
    REQUIRE(files.sync_folder("/"));
    REQUIRE(files.sync_folder("/data"));
}

std::vector<std::string> names_in(base::Files& files, const base::Path& folder) {
    std::vector<std::string> names;
    const auto entries = files.list(folder).value();
    for (const auto& entry : entries) {
        names.push_back(entry.name);
    }
    return names;
}

// The payload a reference leads to.
std::string chunk_at(MemoryFiles& files, uint64_t ref) {
    const std::string number = std::to_string((ref >> 32) + 1);
    const std::string file = files.content(std::string(kBlock) + "/chunks/" +
                                           std::string(6 - number.size(), '0') + number);
    CHECK(base::to_hex(file.substr(0, 8)) == "85bd40dd01000000");
    base::ByteReader reader(base::ByteView(file).part(ref & UINT32_MAX));
    const uint64_t length = reader.uvarint();
    const base::ByteView coded = reader.bytes(1 + length);
    CHECK(reader.be32() == base::crc32c(coded));
    CHECK(coded[0] == 1);
    return std::string(coded.part(1).text());
}

// Holds the block on the disk against the series it was made of.
void check_block(MemoryFiles& files, const std::vector<Series>& series) {
    const auto index = block_test::read_raw_index(files.content(std::string(kBlock) + "/index"));
    CHECK(index.symbols == block_test::symbols_of(series));
    REQUIRE(index.series.size() == series.size());
    std::map<std::pair<std::string, std::string>, std::vector<uint32_t>> postings;
    for (size_t i = 0; i < series.size(); ++i) {
        CHECK(index.series[i].labels == series[i].labels);
        REQUIRE(index.series[i].chunks.size() == series[i].chunks.size());
        for (size_t chunk = 0; chunk < series[i].chunks.size(); ++chunk) {
            const auto& samples = series[i].chunks[chunk];
            const auto payload = block_test::xor_chunk(samples);
            CHECK(index.series[i].chunks[chunk].min_t == samples.front().t);
            CHECK(index.series[i].chunks[chunk].max_t == samples.back().t);
            CHECK(chunk_at(files, index.series[i].chunks[chunk].ref) ==
                  std::string(payload.begin(), payload.end()));
        }
        postings[{"", ""}].push_back(index.series[i].id);
        for (const auto& label : series[i].labels) {
            postings[label].push_back(index.series[i].id);
        }
    }
    CHECK(index.postings == decltype(index.postings)(postings.begin(), postings.end()));
    CHECK(tsdb::block::verify_checksums(files, kBlock, {}).value().empty());
}

}  // namespace

TEST_CASE("the smallest block is written byte for byte as its format says", "[tsdb][block]") {
    MemoryFiles files;
    make_data_folder(files);
    const std::vector<Series> series{{{{"a", "b"}}, {{{1000, 1.0}, {2000, 1.0}}}}};
    const auto meta = write_block(files, "/data", kUlid, series).value();
    REQUIRE(meta.has_value());
    CHECK(names_in(files, "/data") == std::vector<std::string>{kUlid.text()});
    CHECK(
        names_in(files, kBlock) ==
        std::vector<std::string>{"chunks", "index", "meta.json", "skein-checksums", "tombstones"});
    const auto content = [&](const char* name) {
        return files.content(std::string(kBlock) + "/" + name);
    };
    const auto crc_hex = [](base::ByteView bytes) {
        std::string out(4, '\0');
        base::store_be(reinterpret_cast<uint8_t*>(out.data()), base::crc32c(bytes));
        return base::to_hex(out);
    };
    const std::string chunks = content("chunks/000001");
    CHECK(base::to_hex(chunks) ==
          "85bd40dd01000000"                // header
          "0f"                              // length of the payload
          "01"                              // XOR
          "0002d00f3ff0000000000000e80700"  // payload
              + crc_hex(chunks.substr(9, 16)));
    const std::string index = content("index");
    CHECK(base::to_hex(index.substr(0, 5)) == "baaad70002");
    CHECK(base::to_hex(index.substr(5, 17)) ==
          "00000009"
          "00000003"
          "00"
          "0161"
          "0162" +
              crc_hex(index.substr(9, 9)));
    CHECK(base::to_hex(index.substr(22, 10)) == std::string(20, '0'));  // padding to 32
    CHECK(base::to_hex(index.substr(32, 14)) ==
          "09"
          "01"
          "01"
          "02"
          "01"
          "d00f"
          "e807"
          "08" +
              crc_hex(index.substr(33, 9)));
    CHECK(base::to_hex(index.substr(46, 2)) == "0000");  // padding to 48
    const std::string list =
        "00000008"
        "00000001"
        "00000002" +
        crc_hex(index.substr(52, 8));
    CHECK(base::to_hex(index.substr(48, 32)) == list + list);
    CHECK(base::to_hex(index.substr(80, 22)) ==
          "0000000e"
          "00000002"
          "02000030"
          "020161016240" +
              crc_hex(index.substr(84, 14)));
    const std::string toc = index.substr(102);
    CHECK(base::to_hex(toc) ==
          "0000000000000005"
          "0000000000000016"
          "000000000000002e"
          "0000000000000050"
          "000000000000002e"
          "0000000000000050" +
              crc_hex(toc.substr(0, 48)));
    CHECK(base::to_hex(content("tombstones")) == "0130ba300100000000");
    CHECK(content("meta.json") == tsdb::block::to_json(*meta));
}

TEST_CASE("a block holds the series it was given", "[tsdb][block]") {
    const std::vector<Series> series = block_test::varied_series();
    BlockWriter::Options options;
    SECTION("with the usual sizes") {}
    SECTION("in many chunk files") {
        options.segment_bytes = 700;
    }
    SECTION("in chunk files of one chunk each") {
        options.segment_bytes = 1;
    }
    SECTION("gathered in many passes") {
        options.postings_bytes = 64;
    }
    SECTION("gathered without memory") {
        options.postings_bytes = 0;
    }
    MemoryFiles files;
    make_data_folder(files);
    const auto meta = write_block(files, "/data", kUlid, series, options).value();
    REQUIRE(meta.has_value());
    check_block(files, series);
    uint64_t chunks = 0;
    uint64_t samples = 0;
    for (const Series& one : series) {
        chunks += one.chunks.size();
        for (const auto& chunk : one.chunks) {
            samples += chunk.size();
        }
    }
    CHECK(meta->ulid == kUlid);
    CHECK(meta->sources == std::vector{kUlid});
    CHECK(meta->stats == tsdb::block::BlockStats{samples, samples, 0, series.size(), chunks, 0});
    CHECK(tsdb::block::read_meta(files, kBlock).value() == *meta);
    const auto segments = names_in(files, std::string(kBlock) + "/chunks");
    CHECK(segments.front() == "000001");
    for (const std::string& segment : segments) {
        const auto size = files.content(std::string(kBlock) + "/chunks/" + segment).size();
        CHECK((size <= options.segment_bytes || options.segment_bytes == 1));
    }
    CHECK(segments.size() == (options.segment_bytes == 1 ? chunks : segments.size()));
}

TEST_CASE("random series are indexed as they are, whatever the memory", "[tsdb][block]") {
    const auto seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    for (int round = 0; round < 20; ++round) {
        std::map<block_test::Labels, Series> sorted;
        for (uint64_t left = 1 + random.below(300); left != 0; --left) {
            block_test::Labels labels;
            for (char name = 'a'; name < 'h'; ++name) {
                if (random.below(3) != 0) {
                    labels.emplace_back(std::string(1, name),
                                        std::to_string(random.below(1 + random.below(2000))));
                }
            }
            sorted[labels] = {labels, {block_test::some_samples(random.below(1000), 1, 0)}};
        }
        std::vector<Series> series;
        for (const auto& [labels, one] : sorted) {
            if (!labels.empty()) {
                series.push_back(one);
            }
        }
        MemoryFiles files;
        make_data_folder(files);
        const BlockWriter::Options options{.postings_bytes = random.below(4000)};
        REQUIRE(write_block(files, "/data", kUlid, series, options));
        check_block(files, series);
    }
}

TEST_CASE("samples are counted by kind from what the chunks say", "[tsdb][block]") {
    MemoryFiles files;
    make_data_folder(files);
    auto writer = BlockWriter::create(files, "/data", kUlid, {}).value();
    REQUIRE(writer->add_symbol("a"));
    REQUIRE(writer->add_symbol("b"));
    const std::vector<uint8_t> payload{0x40, 0x03, 0x00};
    std::vector<tsdb::block::ChunkInput> chunks;
    for (uint8_t encoding = 1; encoding <= 6; ++encoding) {
        chunks.push_back({static_cast<model::Encoding>(encoding), payload, encoding, encoding});
    }
    const std::vector<model::LabelSymbols> labels{{1, 2}};
    REQUIRE(writer->add_series(labels, chunks));
    BlockMeta meta;
    meta.level = 4;
    meta.sources = {Ulid(), kUlid};
    const auto written = writer->publish(meta).value();
    constexpr uint64_t kWhole = 0x4003;  // with start times the upper two bits mean something else
    CHECK(written->stats ==
          tsdb::block::BlockStats{4 * kWhole + 6, 2 * kWhole, 2 * kWhole + 6, 1, 6, 0});
    CHECK(written->level == 4);
    CHECK(written->sources == meta.sources);
}

TEST_CASE("no block is made of no series", "[tsdb][block]") {
    MemoryFiles files;
    make_data_folder(files);
    CHECK_FALSE(write_block(files, "/data", kUlid, {}).value().has_value());
    CHECK(names_in(files, "/data").empty());
}

TEST_CASE("a writer that goes unpublished leaves nothing", "[tsdb][block]") {
    MemoryFiles files;
    make_data_folder(files);
    files.put("/data/01ARZ3NDEKTSV4RRFFQ69G5FAV.tmp-for-creation/chunks/000009", "of a crash");
    {
        auto writer = BlockWriter::create(files, "/data", kUlid, {}).value();
        REQUIRE(writer->add_symbol("a"));
        CHECK(names_in(files, "/data/01ARZ3NDEKTSV4RRFFQ69G5FAV.tmp-for-creation/chunks").empty());
    }
    CHECK(names_in(files, "/data").empty());
}

TEST_CASE("what is out of order is refused, and the block with it", "[tsdb][block]") {
    MemoryFiles files;
    make_data_folder(files);
    auto writer = BlockWriter::create(files, "/data", kUlid, {}).value();
    for (const char* const symbol : {"", "a", "b", "c"}) {
        REQUIRE(writer->add_symbol(symbol));
    }
    const std::vector<uint8_t> payload(3);
    const auto chunk = [&](int64_t min_t, int64_t max_t) {
        return tsdb::block::ChunkInput{model::Encoding::kXor, payload, min_t, max_t};
    };
    using Labels = std::vector<model::LabelSymbols>;
    using Chunks = std::vector<tsdb::block::ChunkInput>;
    const auto refused = [&](const Labels& labels, const Chunks& chunks) {
        const auto added = writer->add_series(labels, chunks);
        REQUIRE_FALSE(added);
        CHECK(added.error().code() == base::Code::kInvalid);
    };
    SECTION("a symbol") {
        CHECK_FALSE(writer->add_symbol("b"));
    }
    SECTION("a symbol once more") {
        CHECK_FALSE(writer->add_symbol("c"));
    }
    SECTION("the empty symbol later") {
        CHECK_FALSE(writer->add_symbol(""));
    }
    SECTION("a symbol behind series") {
        REQUIRE(writer->add_series(Labels{{1, 2}}, Chunks{chunk(1, 2)}));
        CHECK_FALSE(writer->add_symbol("d"));
    }
    SECTION("no labels") {
        refused({}, {chunk(1, 2)});
    }
    SECTION("labels") {
        refused({{2, 1}, {1, 2}}, {chunk(1, 2)});
    }
    SECTION("a name twice") {
        refused({{1, 1}, {1, 2}}, {chunk(1, 2)});
    }
    SECTION("an empty value") {
        refused({{1, 0}}, {chunk(1, 2)});
    }
    SECTION("an unknown symbol") {
        refused({{1, 4}}, {chunk(1, 2)});
    }
    SECTION("no chunks") {
        refused({{1, 2}}, {});
    }
    SECTION("a chunk that ends before it begins") {
        refused({{1, 2}}, {chunk(2, 1)});
    }
    SECTION("chunks that touch") {
        refused({{1, 2}}, {chunk(1, 2), chunk(2, 3)});
    }
    SECTION("an unknown encoding") {
        refused({{1, 2}}, {{static_cast<model::Encoding>(7), payload, 1, 2}});
    }
    SECTION("series") {
        REQUIRE(writer->add_series(Labels{{1, 3}}, Chunks{chunk(1, 2)}));
        refused({{1, 2}, {2, 3}}, {chunk(1, 2)});
    }
    SECTION("the same series again") {
        REQUIRE(writer->add_series(Labels{{1, 3}}, Chunks{chunk(1, 2)}));
        refused({{1, 3}}, {chunk(3, 4)});
    }
    CHECK_FALSE(writer->add_series(Labels{{3, 3}}, Chunks{chunk(1, 2)}));
    CHECK_FALSE(writer->publish({}));
    writer.reset();
    CHECK(names_in(files, "/data").empty());
}

TEST_CASE("a block whose writing fails anywhere leaves nothing behind", "[tsdb][block]") {
    const std::vector<Series> series = block_test::varied_series();
    const BlockWriter::Options options{.segment_bytes = 4000};
    MemoryFiles measured;
    make_data_folder(measured);
    FaultFiles counter(measured);
    REQUIRE(write_block(counter, "/data", kUlid, series, options));
    for (const FileCall call : {FileCall::kOpen,
                                FileCall::kWrite,
                                FileCall::kSync,
                                FileCall::kSyncFolder,
                                FileCall::kRename,
                                FileCall::kMakeFolders}) {
        REQUIRE(counter.calls(call) > 0);
        for (uint64_t nth = 1; nth <= counter.calls(call); ++nth) {
            MemoryFiles files;
            make_data_folder(files);
            FaultFiles faults(files);
            faults.fail_at(call, nth, {.code = base::Code::kNoSpace, .bytes_written = nth % 7});
            CAPTURE(static_cast<int>(call), nth);
            const auto written = write_block(faults, "/data", kUlid, series, options);
            REQUIRE_FALSE(written);
            CHECK(written.error().code() == base::Code::kNoSpace);
            CHECK(names_in(files, "/data").empty());
        }
    }
}

TEST_CASE("a power cut leaves no block or a whole one", "[tsdb][block]") {
    const auto seed = test_support::test_seed();
    CAPTURE(seed);
    const std::vector<Series> series = block_test::varied_series();
    const BlockWriter::Options options{.segment_bytes = 4000};
    MemoryFiles measured;
    make_data_folder(measured);
    FaultFiles counter(measured);
    REQUIRE(write_block(counter, "/data", kUlid, series, options));
    size_t whole = 0;
    for (const FileCall call : {FileCall::kOpen,
                                FileCall::kWrite,
                                FileCall::kSync,
                                FileCall::kSyncFolder,
                                FileCall::kRename}) {
        // One further than the last call: nothing fails, and the power goes afterwards.
        for (uint64_t nth = 1; nth <= counter.calls(call) + 1; ++nth) {
            MemoryFiles files;
            make_data_folder(files);
            base::SeededRandom random(seed + nth);
            CAPTURE(static_cast<int>(call), nth);
            {
                FaultFiles faults(files);
                // Without power nothing is tidied up either: neither the folder removed, for which
                // the first call makes room, nor the last of three renames taken back.
                faults.fail_at(FileCall::kRemove, 2, {.forever = true});
                faults.fail_at(FileCall::kRename, 3, {.forever = true});
                faults.fail_at(call, nth, {.forever = true});
                const auto written = write_block(faults, "/data", kUlid, series, options);
                CHECK(written.has_value() == (nth > counter.calls(call)));
            }
            files.power_cut(random);
            if (files.exists(kBlock).value()) {
                check_block(files, series);
                ++whole;
            }
        }
    }
    CHECK(whole >= 5);
}

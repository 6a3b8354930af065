#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "base/clock.h"
#include "base/random.h"
#include "test/support/fault_files.h"
#include "test/support/memory_files.h"
#include "test/support/seed.h"
#include "tsdb/wal/reader.h"
#include "tsdb/wal/record.h"
#include "tsdb/wal/writer.h"

namespace {

using test_support::FaultFiles;
using test_support::FileCall;
using test_support::MemoryFiles;
using tsdb::WalCompression;
namespace wal = tsdb::wal;

const base::SystemClock kClock;

struct ReadBack {
    std::vector<std::string> records;
    std::vector<uint64_t>
        ends;  // of each record in its segment's bytes, when uncompressed and full
    std::vector<wal::Damage> damages;
};

void read_into(ReadBack& out, uint32_t segment, base::ByteView bytes) {
    base::ZstdDecoder zstd;
    wal::SegmentReader reader(segment, bytes, zstd);
    base::ByteView record;
    while (reader.next(record)) {
        out.records.emplace_back(record.text());
    }
    out.damages.insert(out.damages.end(), reader.damages().begin(), reader.damages().end());
}

ReadBack read_all(base::Files& files) {
    ReadBack out;
    auto segments = wal::list_segments(files, "/wal");
    REQUIRE(segments);
    for (const auto& segment : segments.value()) {
        auto file = files.map(segment.path);
        REQUIRE(file);
        read_into(out, segment.number, file.value()->bytes());
    }
    return out;
}

std::unique_ptr<wal::Writer> open_writer(base::Files& files, const wal::Writer::Options& options) {
    auto writer = wal::Writer::open(files, kClock, "/wal", options);
    REQUIRE(writer);
    return std::move(writer).value();
}

base::Status log(wal::Writer& writer, const std::vector<std::string>& records) {
    const std::vector<base::ByteView> views(records.begin(), records.end());
    return writer.log(views);
}

std::string noise(base::Random& random, size_t bytes) {
    return test_support::random_bytes(random, bytes);
}

}  // namespace

TEST_CASE("wal gives back what was logged, over pages and segments", "[tsdb][wal][property]") {
    const uint64_t seed = test_support::test_seed();
    CAPTURE(seed);
    const auto compression =
        GENERATE(WalCompression::kNone, WalCompression::kSnappy, WalCompression::kZstd);
    base::SeededRandom random(seed);
    MemoryFiles files;
    std::vector<std::string> all;
    for (int opening = 0; opening < 3; ++opening) {
        const auto writer =
            open_writer(files, {.segment_size = 4 * wal::kPageBytes, .compression = compression});
        for (int group = 0; group < 40; ++group) {
            std::vector<std::string> records;
            for (uint64_t i = random.below(6); i > 0; --i) {
                std::string record =
                    noise(random, random.below(random.below(4) == 0 ? 70000 : 300));
                record += std::string(random.below(200), 'x');
                records.push_back(record);
            }
            REQUIRE(log(*writer, records));
            all.insert(all.end(), records.begin(), records.end());
        }
        if (opening != 1) {
            REQUIRE(writer->close());
        }
    }
    const ReadBack read = read_all(files);
    CHECK((read.records == all));
    CHECK(read.damages.empty());
}

TEST_CASE("wal fragments have the layout of Prometheus", "[tsdb][wal]") {
    MemoryFiles files;
    const auto writer = open_writer(files, {.compression = WalCompression::kNone});
    REQUIRE(log(*writer, {"123456789", ""}));
    const std::string bytes = files.content("/wal/00000000");
    const std::string want = std::string("\x01\x00\x09\xe3\x06\x92\x83", 7) + "123456789" +
                             std::string("\x01\0\0\0\0\0\0", 7);
    CHECK(bytes == want);
    REQUIRE(writer->close());
    CHECK(files.content("/wal/00000000").size() == wal::kPageBytes);
}

TEST_CASE("wal records carry series and samples as Prometheus writes them", "[tsdb][wal]") {
    std::string text;
    {
        base::ByteWriter out(text);
        wal::SeriesEncoder encoder(out);
        encoder.begin(1, 2);
        encoder.label("__name__", "up");
        encoder.label("job", "a");
    }
    CHECK(text == std::string("\x01\0\0\0\0\0\0\0\x01\x02\x08__name__\x02up\x03job\x01"
                              "a",
                              28));
    text.clear();
    {
        base::ByteWriter out(text);
        wal::SamplesEncoder encoder(out);
        encoder.add(5, 1000, 0x3ff0000000000000);
        encoder.add(3, 1015, 0x7ff0000000000002);
    }
    CHECK(text == std::string("\x02\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\x03\xe8"
                              "\0\0\x3f\xf0\0\0\0\0\0\0"
                              "\x03\x1e\x7f\xf0\0\0\0\0\0\x02",
                              37));
    std::vector<wal::SampleEntry> samples;
    REQUIRE(wal::decode_samples(text, samples));
    REQUIRE(samples.size() == 2);
    CHECK(samples[1].ref == 3);
    CHECK(samples[1].t == 1015);
    CHECK(samples[1].bits == 0x7ff0000000000002);
}

TEST_CASE("wal samples of the second form are read", "[tsdb][wal]") {
    std::string text;
    {
        base::ByteWriter out(text);
        out.u8(11);
        out.varint(7);
        out.varint(1000);
        out.varint(500);
        out.be64(1);
        out.varint(2);
        out.varint(15);
        out.u8(1);
        out.be64(2);
        out.varint(-1);
        out.varint(30);
        out.u8(2);
        out.varint(10);
        out.be64(3);
    }
    std::vector<wal::SampleEntry> samples;
    REQUIRE(wal::decode_samples(text, samples));
    REQUIRE(samples.size() == 3);
    CHECK(samples[1].ref == 9);
    CHECK(samples[1].t == 1015);
    CHECK(samples[1].start_t == 500);
    CHECK(samples[2].ref == 8);
    CHECK(samples[2].t == 1030);
    CHECK(samples[2].start_t == 510);
    CHECK(samples[2].bits == 3);
}

TEST_CASE("wal reader survives any bytes", "[tsdb][wal][property]") {
    const uint64_t seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    for (int round = 0; round < 300; ++round) {
        std::string bytes = noise(random, random.below(100000));
        for (size_t i = 0; i < bytes.size(); i += wal::kPageBytes) {
            bytes[i] = static_cast<char>(random.below(0x20));
        }
        ReadBack read;
        read_into(read, 0, bytes);
        CHECK(read.records.size() <= bytes.size());
    }
}

TEST_CASE("wal goes on in the same segment after a full disk", "[tsdb][wal]") {
    MemoryFiles files;
    const auto writer = open_writer(files, {.compression = WalCompression::kNone});
    REQUIRE(log(*writer, {"before"}));
    files.set_capacity(files.content("/wal/00000000").size() + 10);
    const base::Status full = log(*writer, {"does not fit at all"});
    REQUIRE_FALSE(full);
    CHECK(full.error().code() == base::Code::kNoSpace);
    files.set_capacity(UINT64_MAX);
    REQUIRE(log(*writer, {"after"}));
    const ReadBack read = read_all(files);
    CHECK(read.records == std::vector<std::string>{"before", "after"});
    CHECK(read.damages.empty());
}

TEST_CASE("wal writes a group again that a failed sync may have lost", "[tsdb][wal]") {
    MemoryFiles disk;
    FaultFiles files(disk);
    const auto writer = open_writer(files, {.compression = WalCompression::kSnappy});
    REQUIRE(log(*writer, {"synced"}));
    REQUIRE(writer->sync());
    REQUIRE(log(*writer, {"at risk"}));
    files.fail_at(FileCall::kSync, 1);
    REQUIRE_FALSE(writer->sync());
    // The poisoned segment is gone and the next one not begun: there is nothing to sync, and
    // nothing is forgotten.
    REQUIRE(writer->sync());
    CHECK(writer->unsynced_bytes() > 0);
    REQUIRE(log(*writer, {"later"}));
    CHECK(writer->segment() == 1);
    REQUIRE(writer->sync());
    CHECK(writer->unsynced_bytes() == 0);
    disk.power_cut();
    const ReadBack read = read_all(disk);
    CHECK(read.records == std::vector<std::string>{"synced", "at risk", "later"});
}

TEST_CASE("wal survives a power cut with everything that was synced", "[tsdb][wal]") {
    MemoryFiles files;
    const auto writer = open_writer(files, {.segment_size = 2 * wal::kPageBytes});
    base::SeededRandom random(1);
    std::vector<std::string> all;
    for (int i = 0; i < 20; ++i) {
        all.push_back(noise(random, 10000));
        REQUIRE(log(*writer, {all.back()}));
    }
    REQUIRE(writer->sync());
    REQUIRE(log(*writer, {noise(random, 10000)}));
    files.power_cut();
    CHECK((read_all(files).records == all));
}

TEST_CASE("wal begins behind the newest checkpoint", "[tsdb][wal]") {
    MemoryFiles files;
    files.put("/wal/checkpoint.00000004/00000000", "");
    const auto writer = open_writer(files, {});
    CHECK(writer->segment() == 5);
    const auto checkpoint = wal::find_checkpoint(files, "/wal");
    REQUIRE(checkpoint);
    REQUIRE(checkpoint.value());
    CHECK(checkpoint.value()->last_segment == 4);
}

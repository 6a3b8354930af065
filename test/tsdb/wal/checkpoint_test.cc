#include "tsdb/wal/checkpoint.h"

#include <map>
#include <set>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "base/random.h"
#include "test/support/fault_files.h"
#include "test/support/forwarding_files.h"
#include "test/support/memory_files.h"
#include "test/support/seed.h"
#include "test/tsdb/wal/log_text.h"
#include "tsdb/wal/timed_record.h"

namespace {

using test_support::FaultFiles;
using test_support::FileCall;
using test_support::MemoryFiles;
using wal_test::log;
using wal_test::open_writer;
using wal_test::Point;
using wal_test::replay;
using wal_test::samples_record;
using wal_test::series_record;
namespace wal = tsdb::wal;

wal::CheckpointRequest request(uint32_t last, int64_t min_t, std::set<uint64_t> keep) {
    return {.first_segment = 0,
            .last_segment = last,
            .min_t = min_t,
            .keep_series = [keep = std::move(keep)](uint64_t ref) { return keep.contains(ref); }};
}

std::string tombstones_record(const std::vector<wal::TombstoneEntry>& entries) {
    std::string text;
    base::ByteWriter out(text);
    out.u8(3);
    for (const auto& entry : entries) {
        out.be64(entry.ref);
        out.varint(entry.min_t);
        out.varint(entry.max_t);
    }
    out.finish();
    return text;
}

std::string metadata_record(uint64_t ref, std::string_view help) {
    std::string text;
    base::ByteWriter out(text);
    out.u8(6);
    out.uvarint(ref);
    out.u8(1);
    out.uvarint(2);
    out.str("UNIT");
    out.str("bytes");
    out.str("HELP");
    out.str(help);
    out.finish();
    return text;
}

// An entry of any kind that has a time, with a payload of its kind.
std::string payload_of(uint8_t type, base::Random& random) {
    std::string text;
    base::ByteWriter out(text);
    const bool floats = type == 8 || type == 10 || type == 13;
    if (type == 2 || type == 11) {
        out.be64(random.u64());
    } else if (type == 4) {
        out.be64(random.u64());
        out.uvarint(1);
        out.str("trace_id");
        out.str(std::to_string(random.u64()));
    } else {
        const bool custom = type == 9 || type == 10;
        const uint64_t spans = random.below(3);
        const uint64_t buckets = random.below(5);
        out.u8(static_cast<uint8_t>(random.below(4)));
        out.varint(custom ? -53 : static_cast<int64_t>(random.below(9)));
        out.be64(random.u64());
        for (int i = 0; i < 2; ++i) {
            floats ? out.be64(random.u64()) : out.uvarint(random.below(100000));
        }
        out.be64(random.u64());
        for (int sign = 0; sign < 2; ++sign) {
            out.uvarint(spans);
            for (uint64_t i = 0; i < spans; ++i) {
                out.varint(static_cast<int64_t>(random.below(10)));
                out.uvarint(random.below(10));
            }
        }
        for (int sign = 0; sign < 2; ++sign) {
            out.uvarint(buckets);
            for (uint64_t i = 0; i < buckets; ++i) {
                floats ? out.be64(random.u64()) : out.varint(static_cast<int64_t>(random.u64()));
            }
        }
        if (custom) {
            out.uvarint(2);
            out.be64(1);
            out.be64(2);
        }
    }
    out.finish();
    return text;
}

using Timed = std::tuple<uint8_t, uint64_t, int64_t, int64_t, std::string>;

std::vector<Timed> timed_entries(const std::vector<std::string>& records) {
    std::vector<Timed> out;
    for (const std::string& record : records) {
        const uint8_t type = wal::record_type(record);
        if (!wal::is_timed(type)) {
            continue;
        }
        std::vector<wal::TimedEntry> entries;
        REQUIRE(wal::decode_timed(record, entries));
        for (const auto& entry : entries) {
            out.emplace_back(type,
                             entry.key.ref,
                             entry.key.t,
                             entry.key.start_t,
                             std::string(entry.payload.text()));
        }
    }
    return out;
}

// Segments 0 … 3 are complete: series 1 … 9, of which samples come every 10 ms from 0 to 390.
void write_segments(base::Files& files) {
    const auto writer = open_writer(files);
    for (int64_t segment = 0; segment < 4; ++segment) {
        if (segment < 3) {
            const auto first = static_cast<uint64_t>(1 + 3 * segment);
            REQUIRE(log(*writer, {series_record({first, first + 1, first + 2})}));
        }
        for (int64_t i = 0; i < 10; ++i) {
            std::vector<Point> points;
            for (uint64_t ref = 1;
                 ref <= static_cast<uint64_t>(std::min<int64_t>(3 + 3 * segment, 9));
                 ++ref) {
                points.push_back({.ref = ref, .t = segment * 100 + i * 10});
            }
            REQUIRE(log(*writer, {samples_record(points)}));
        }
        REQUIRE(writer->begin_next_segment());
    }
    REQUIRE(writer->close());
}

std::set<Point> since(const std::set<Point>& points, int64_t min_t) {
    std::set<Point> out;
    for (const Point point : points) {
        if (point.t >= min_t) {
            out.insert(point);
        }
    }
    return out;
}

const std::set<uint64_t> kAll{1, 2, 3, 4, 5, 6, 7, 8, 9};

}  // namespace

TEST_CASE("checkpoints take in two thirds of the complete segments", "[tsdb][wal][checkpoint]") {
    const auto check = [](uint32_t first, uint32_t current, std::optional<uint32_t> last) {
        const auto range = wal::segments_to_checkpoint(first, current);
        CAPTURE(first, current);
        REQUIRE(range.has_value() == last.has_value());
        if (last) {
            CHECK(range->first == first);
            CHECK(range->last == *last);
        }
    };
    check(0, 0, std::nullopt);
    check(0, 1, std::nullopt);
    check(0, 2, std::nullopt);
    check(0, 3, 1);
    check(0, 4, 2);
    check(7, 14, 11);
    check(5, 3, std::nullopt);
}

TEST_CASE("a checkpoint keeps what may still be asked for", "[tsdb][wal][checkpoint]") {
    MemoryFiles files;
    write_segments(files);
    const auto before = replay(files);
    const auto report = wal::write_checkpoint(files, "/wal", request(2, 250, {1, 2, 9}));
    REQUIRE(report);
    CHECK(report.value().series_kept == 3);
    CHECK(report.value().series_dropped == 6);
    CHECK(report.value().samples_kept == 9 * 5);
    CHECK(report.value().samples_dropped == (3 + 6) * 10 + 9 * 5);
    CHECK(report.value().damages.empty());
    CHECK(report.value().bytes == files.content("/wal/checkpoint.00000002/00000000").size());
    REQUIRE(wal::remove_segments(files, "/wal", 2));
    const auto after = replay(files);
    CHECK(after.series == std::set<uint64_t>{1, 2, 9});
    std::set<Point> want;
    for (const Point point : since(before.points, 250)) {
        if (after.series.contains(point.ref)) {
            want.insert(point);
        }
    }
    CHECK(after.points == want);
    CHECK(after.damages.empty());
    // A series, its samples: nothing but what the two segments left.
    CHECK(files.list("/wal").value().size() == 1 + 2);
}

TEST_CASE("a checkpoint of a checkpoint and later segments", "[tsdb][wal][checkpoint]") {
    const auto compression = GENERATE(
        tsdb::WalCompression::kNone, tsdb::WalCompression::kSnappy, tsdb::WalCompression::kZstd);
    MemoryFiles files;
    write_segments(files);
    const auto before = replay(files);
    auto first = request(1, 0, kAll);
    first.compression = compression;
    first.segment_size = wal::kPageBytes;
    REQUIRE(wal::write_checkpoint(files, "/wal", first));
    REQUIRE(wal::remove_segments(files, "/wal", 1));
    CHECK(replay(files).points == before.points);
    auto second = request(3, 0, kAll);
    second.compression = compression;
    REQUIRE(wal::write_checkpoint(files, "/wal", second));
    CHECK(files.exists("/wal/checkpoint.00000001").value());
    REQUIRE(wal::remove_segments(files, "/wal", 3));
    CHECK_FALSE(files.exists("/wal/checkpoint.00000001").value());
    CHECK(replay(files).points == before.points);
    // The writer goes on behind it.
    CHECK(open_writer(files)->segment() == 5);
}

TEST_CASE("a checkpoint keeps all kinds of records by their rules", "[tsdb][wal][checkpoint]") {
    const uint64_t seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    MemoryFiles files;
    std::vector<std::string> records = {series_record({1, 2, 3})};
    for (int round = 0; round < 20; ++round) {
        for (const uint8_t type : {2, 4, 7, 8, 9, 10, 11, 12, 13}) {
            std::string text;
            std::vector<std::string> payloads;
            base::ByteWriter out(text);
            wal::TimedEncoder encoder(type, out);
            for (uint64_t i = random.below(6); i > 0; --i) {
                payloads.push_back(payload_of(type, random));
                encoder.add(
                    {.key = {.ref = 1 + random.below(3),
                             .t = static_cast<int64_t>(random.below(200)),
                             .start_t = type < 11 ? 0 : static_cast<int64_t>(random.below(3)) * 50},
                     .payload = payloads.back()});
            }
            out.finish();
            records.push_back(text);
        }
    }
    records.push_back(tombstones_record({{1, 0, 99}, {1, 0, 100}, {2, 0, 500}, {7, 0, 500}}));
    records.push_back(tombstones_record({{3, INT64_MIN, INT64_MAX}}));
    records.push_back(metadata_record(1, "old"));
    records.push_back(metadata_record(2, "gone"));
    records.push_back(metadata_record(1, "new"));
    records.push_back(std::string("\x05 markers mean nothing here"));
    records.push_back(std::string("\x7f from the future"));
    const auto writer = open_writer(files);
    REQUIRE(log(*writer, records));
    REQUIRE(writer->close());
    const auto report = wal::write_checkpoint(files, "/wal", request(0, 100, {1, 3}));
    REQUIRE(report);
    REQUIRE(wal::remove_segments(files, "/wal", 0));
    const auto after = replay(files);
    std::vector<Timed> want = timed_entries(records);
    const size_t all = want.size();
    std::erase_if(want, [](const Timed& entry) { return std::get<2>(entry) < 100; });
    CHECK(timed_entries(after.records) == want);
    CHECK(report.value().samples_kept + report.value().exemplars_kept == want.size());
    CHECK(report.value().samples_dropped + report.value().exemplars_dropped == all - want.size());
    CHECK(report.value().exemplars_kept > 0);
    CHECK(report.value().records_unknown == 2);
    CHECK(report.value().tombstones_kept == 2);
    CHECK(report.value().tombstones_dropped == 3);
    CHECK(report.value().metadata_kept == 1);
    std::vector<wal::TombstoneEntry> tombstones;
    std::vector<wal::MetadataEntry> metadata;
    for (const std::string& record : after.records) {
        if (wal::record_type(record) == 3) {
            REQUIRE(wal::decode_tombstones(record, tombstones));
        } else if (wal::record_type(record) == 6) {
            REQUIRE(wal::decode_metadata(record, metadata));
        }
    }
    REQUIRE(tombstones.size() == 2);
    CHECK(tombstones[0].max_t == 100);
    CHECK(tombstones[1].whole_series());
    REQUIRE(metadata.size() == 1);
    CHECK(metadata[0].help == "new");
    CHECK(metadata[0].unit == "bytes");
    CHECK(wal::record_type(after.records.back()) == 6);
}

TEST_CASE("a checkpoint holds a series once, however often it was logged",
          "[tsdb][wal][checkpoint]") {
    MemoryFiles files;
    const auto writer = open_writer(files);
    REQUIRE(log(*writer, {series_record({1, 2}), series_record({2, 600, 1})}));
    REQUIRE(writer->close());
    const auto report = wal::write_checkpoint(files, "/wal", request(0, 0, {1, 2, 600}));
    REQUIRE(report);
    CHECK(report.value().series_kept == 3);
}

TEST_CASE("damage costs a checkpoint what it touches", "[tsdb][wal][checkpoint]") {
    MemoryFiles files;
    write_segments(files);
    const auto before = replay(files);
    SECTION("a segment is missing") {
        REQUIRE(files.remove("/wal/00000001"));
        const auto report = wal::write_checkpoint(files, "/wal", request(2, 0, kAll));
        REQUIRE(report);
        REQUIRE(report.value().damages.size() == 1);
        CHECK(report.value().damages[0].segment == 1);
        REQUIRE(wal::remove_segments(files, "/wal", 2));
        const auto after = replay(files);
        CHECK(after.series == std::set<uint64_t>{1, 2, 3, 7, 8, 9});
        for (const Point point : before.points) {
            CHECK(after.points.contains(point) ==
                  (after.series.contains(point.ref) && (point.t < 100 || point.t >= 200)));
        }
    }
    SECTION("the first segment is missing") {
        REQUIRE(files.remove("/wal/00000000"));
        const auto report = wal::write_checkpoint(files, "/wal", request(2, 0, kAll));
        REQUIRE(report);
        CHECK(report.value().damages.size() == 1);
    }
    SECTION("a record makes no sense") {
        const auto writer = open_writer(files);
        // A whole series in front of half of one.
        REQUIRE(log(*writer, {series_record({10}) + std::string(9, '\x05')}));
        REQUIRE(log(*writer, {samples_record({{10, 500}})}));
        REQUIRE(writer->close());
        auto keep = kAll;
        keep.insert(10);
        const auto report = wal::write_checkpoint(files, "/wal", request(5, 0, keep));
        REQUIRE(report);
        REQUIRE(report.value().damages.size() == 1);
        CHECK(report.value().damages[0].segment == 5);
        REQUIRE(wal::remove_segments(files, "/wal", 5));
        CHECK(replay(files).points.contains({10, 500}));
    }
    SECTION("a file cannot be opened") {
        FaultFiles faults(files);
        faults.fail_at(FileCall::kOpen, 2);  // the first is the checkpoint's own
        const auto report = wal::write_checkpoint(faults, "/wal", request(2, 0, kAll));
        REQUIRE(report);
        CHECK(report.value().damages.size() == 1);
        CHECK(report.value().series_kept == 6);
    }
    SECTION("a file cannot be opened at the moment") {
        FaultFiles faults(files);
        faults.fail_at(FileCall::kOpen, 2, {.code = base::Code::kUnavailable});
        const auto report = wal::write_checkpoint(faults, "/wal", request(2, 0, kAll));
        REQUIRE_FALSE(report);
        CHECK(report.error().code() == base::Code::kUnavailable);
        CHECK(replay(files).points == before.points);
    }
}

TEST_CASE("a checkpoint that is there already is not written again", "[tsdb][wal][checkpoint]") {
    MemoryFiles files;
    write_segments(files);
    REQUIRE(wal::write_checkpoint(files, "/wal", request(2, 0, kAll)));
    const std::string bytes = files.content("/wal/checkpoint.00000002/00000000");
    const auto again = wal::write_checkpoint(files, "/wal", request(2, 300, {}));
    REQUIRE(again);
    CHECK(again.value().bytes == 0);
    CHECK(files.content("/wal/checkpoint.00000002/00000000") == bytes);
    // Damaged, it must not become the reason to remove what it was made of.
    files.flip_bit("/wal/checkpoint.00000002/00000000", 30, 1);
    const auto damaged = wal::write_checkpoint(files, "/wal", request(2, 300, {}));
    REQUIRE_FALSE(damaged);
    CHECK(damaged.error().code() == base::Code::kUnavailable);
    // The next one replaces it, with nothing lost.
    REQUIRE(wal::write_checkpoint(files, "/wal", request(3, 0, kAll)));
    REQUIRE(wal::remove_segments(files, "/wal", 3));
    const auto after = replay(files);
    CHECK(after.series == kAll);
    CHECK(after.damages.empty());
    CHECK(after.points.size() == 10 * (3 + 6 + 9 + 9));
}

TEST_CASE("a checkpoint that cannot be written leaves nothing and costs nothing",
          "[tsdb][wal][checkpoint]") {
    MemoryFiles disk;
    write_segments(disk);
    const auto before = replay(disk);
    FaultFiles files(disk);
    for (const FileCall call : {FileCall::kOpen,
                                FileCall::kWrite,
                                FileCall::kSync,
                                FileCall::kSyncFolder,
                                FileCall::kRename,
                                FileCall::kMakeFolders}) {
        files.heal();
        files.fail_at(call, 1, {.code = base::Code::kNoSpace});
        CAPTURE(static_cast<int>(call));
        const auto report = wal::write_checkpoint(files, "/wal", request(2, 0, kAll));
        REQUIRE_FALSE(report);
        CHECK(report.error().code() == base::Code::kNoSpace);
        CHECK_FALSE(disk.exists("/wal/checkpoint.00000002.tmp").value());
        CHECK_FALSE(disk.exists("/wal/checkpoint.00000002").value());
        CHECK(replay(disk).points == before.points);
    }
    files.heal();
    REQUIRE(wal::write_checkpoint(files, "/wal", request(2, 0, kAll)));
}

namespace {

// Loses power before the n-th change of the disk.
class PowerCutter final : public test_support::ForwardingFiles {
  public:
    PowerCutter(MemoryFiles& disk, uint64_t steps, base::Random* random)
        : ForwardingFiles(disk), disk_(disk), steps_(steps), random_(random) {}

    [[nodiscard]] bool cut() const { return cut_; }

  private:
    // An error once the power is gone.
    base::Status step() {
        if (!cut_ && steps_-- == 0) {
            cut_ = true;
            if (random_ == nullptr) {
                disk_.power_cut();
            } else {
                disk_.power_cut(*random_);
            }
        }
        return cut_ ? base::Status(base::fail(base::Code::kIo, "no power")) : base::success();
    }

    class File final : public test_support::ForwardingWriteFile {
      public:
        File(PowerCutter& power, std::unique_ptr<base::WriteFile> below)
            : ForwardingWriteFile(std::move(below)), power_(power) {}

        base::Status append(base::ByteView bytes) override {
            TRY(power_.step());
            return ForwardingWriteFile::append(bytes);
        }

        base::Status write_at(uint64_t offset, base::ByteView bytes) override {
            TRY(power_.step());
            return ForwardingWriteFile::write_at(offset, bytes);
        }

        base::Status truncate(uint64_t size) override {
            TRY(power_.step());
            return ForwardingWriteFile::truncate(size);
        }

        base::Status sync_data() override {
            TRY(power_.step());
            return ForwardingWriteFile::sync_data();
        }

        base::Status sync() override {
            TRY(power_.step());
            return ForwardingWriteFile::sync();
        }

      private:
        PowerCutter& power_;
    };

    base::Status before_change(const char* /*what*/, const base::Path& /*path*/) override {
        return step();
    }

    std::unique_ptr<base::WriteFile> wrap(std::unique_ptr<base::WriteFile> file) override {
        return std::make_unique<File>(*this, std::move(file));
    }

    MemoryFiles& disk_;
    uint64_t steps_;
    base::Random* const random_;
    bool cut_ = false;
};

// A checkpoint of segments 0 … 1, then one of 0 … 3, each followed by the removal.
base::Status checkpoint_twice(base::Files& files) {
    for (const uint32_t last : {1u, 3u}) {
        auto asked = request(last, 150, kAll);
        asked.segment_size = wal::kPageBytes;
        asked.compression = tsdb::WalCompression::kNone;
        TRY(wal::write_checkpoint(files, "/wal", asked));
        TRY(wal::remove_segments(files, "/wal", last));
    }
    return base::success();
}

}  // namespace

TEST_CASE("checkpointing survives a power cut at every step", "[tsdb][wal][checkpoint]") {
    const uint64_t seed = test_support::test_seed();
    const bool tears = GENERATE(false, true);
    uint64_t states = 0;
    for (bool done = false; !done; ++states) {
        CAPTURE(seed, tears, states);
        base::SeededRandom random(seed + states);
        MemoryFiles disk;
        write_segments(disk);
        const auto before = replay(disk);
        PowerCutter files(disk, states, tears ? &random : nullptr);
        done = checkpoint_twice(files).has_value();
        REQUIRE(done != files.cut());
        const auto check = [&] {
            const auto after = replay(disk);
            REQUIRE(since(after.points, 150) == since(before.points, 150));
            REQUIRE(after.series == kAll);
            REQUIRE(after.unplaced.empty());
            REQUIRE(after.damages.empty());
            REQUIRE(after.wrong == 0);
        };
        check();
        // The next start goes on where this one ended.
        REQUIRE(open_writer(disk)->segment() == 5);
        REQUIRE(checkpoint_twice(disk));
        check();
        REQUIRE(disk.list("/wal").value().size() == 3);  // a checkpoint, segments 4 and 5
    }
    CHECK(states > 20);
}

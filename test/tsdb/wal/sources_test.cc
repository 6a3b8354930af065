// What a start reads when files are damaged, gone or out of place.
#include <set>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "test/support/fault_files.h"
#include "test/support/memory_files.h"
#include "test/tsdb/wal/log_text.h"
#include "tsdb/wal/checkpoint.h"

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

// Segments 0 … count - 1; number n brings series n + 1, and a sample of each series there is.
void write_segments(base::Files& files, uint64_t count) {
    const auto writer = open_writer(files, {.compression = tsdb::WalCompression::kNone});
    for (uint64_t segment = 0; segment < count; ++segment) {
        REQUIRE(log(*writer, {series_record({segment + 1})}));
        std::vector<Point> points;
        for (uint64_t ref = 1; ref <= segment + 1; ++ref) {
            points.push_back({.ref = ref, .t = static_cast<int64_t>(segment)});
        }
        REQUIRE(log(*writer, {samples_record(points)}));
        if (segment + 1 < count) {
            REQUIRE(writer->begin_next_segment());
        }
    }
    REQUIRE(writer->close());
}

void write_checkpoint(base::Files& files, uint32_t last) {
    REQUIRE(wal::write_checkpoint(files,
                                  "/wal",
                                  {.last_segment = last,
                                   .min_t = 0,
                                   .keep_series = [](uint64_t) { return true; },
                                   .compression = tsdb::WalCompression::kNone}));
}

// All that write_segments() wrote, but for the samples of the given segments.
std::set<Point> points_of(uint64_t count, const std::set<uint64_t>& without = {}) {
    std::set<Point> out;
    for (uint64_t segment = 0; segment < count; ++segment) {
        for (uint64_t ref = 1; ref <= segment + 1 && !without.contains(segment); ++ref) {
            if (!without.contains(ref - 1)) {
                out.insert({.ref = ref, .t = static_cast<int64_t>(segment)});
            }
        }
    }
    return out;
}

std::string last_path(uint32_t segment) {
    return "/wal/" + wal::segment_name(segment);
}

}  // namespace

TEST_CASE("a start reads the newest checkpoint and the segments behind it", "[tsdb][wal]") {
    MemoryFiles files;
    CHECK(replay(files).records.empty());
    write_segments(files, 6);
    write_checkpoint(files, 1);
    write_checkpoint(files, 3);
    auto sources = wal::find_sources(files, "/wal");
    REQUIRE(sources);
    std::vector<std::pair<uint32_t, bool>> read;
    for (const auto& source : sources.value().files) {
        read.emplace_back(source.segment, source.checkpoint);
    }
    CHECK(read == std::vector<std::pair<uint32_t, bool>>{{3, true}, {4, false}, {5, false}});
    CHECK_FALSE(sources.value().fallback);
    CHECK(sources.value().damages.empty());
    CHECK(replay(files).points == points_of(6));
}

TEST_CASE("a damaged checkpoint falls back on what it was made of", "[tsdb][wal]") {
    const std::string part = "/wal/checkpoint.00000003/00000000";
    MemoryFiles files;
    write_segments(files, 6);
    write_checkpoint(files, 1);
    const bool both = GENERATE(false, true);
    if (both) {
        REQUIRE(wal::remove_segments(files, "/wal", 1));
    }
    CAPTURE(both);
    write_checkpoint(files, 3);
    const std::vector<std::function<void()>> damages = {
        [&] { files.flip_bit(part, 20, 3); },
        [&] { files.tear_tail(part, files.content(part).size()); },
        [&] { files.tear_tail(part, wal::kPageBytes - 60); },
        [&] { files.put(part, std::string(wal::kPageBytes, '\xff')); },
        [&] { REQUIRE(files.remove(part)); },
        [&] { REQUIRE(files.rename(part, "/wal/checkpoint.00000003/00000007")); },
    };
    const auto which = GENERATE(range(size_t{0}, size_t{6}));
    CAPTURE(which);
    damages[which]();
    const auto after = replay(files);
    CHECK(after.fallback);
    CHECK(after.points == points_of(6));
    CHECK(after.unplaced.empty());
}

TEST_CASE("a damaged checkpoint alone gives what is whole of it", "[tsdb][wal]") {
    MemoryFiles files;
    write_segments(files, 6);
    write_checkpoint(files, 3);
    REQUIRE(wal::remove_segments(files, "/wal", 3));
    const std::string part = "/wal/checkpoint.00000003/00000000";
    SECTION("its last record is damaged") {
        files.flip_bit(part, files.content(part).find_last_not_of('\0'), 0);
        const auto after = replay(files);
        CHECK_FALSE(after.fallback);
        REQUIRE(after.damages.size() == 1);
        CHECK(after.damages[0].checkpoint);
        CHECK(after.damages[0].segment == 3);
        CHECK(after.series == std::set<uint64_t>{1, 2, 3, 4, 5, 6});
        CHECK(std::ranges::includes(points_of(6), after.points));
        CHECK(after.points.size() > 10);
    }
    SECTION("it is empty") {
        REQUIRE(files.remove(part));
        const auto after = replay(files);
        CHECK(after.damages.size() == 1);
        CHECK(after.series == std::set<uint64_t>{5, 6});
    }
    SECTION("its file is empty, as a power cut can leave it") {
        files.tear_tail(part, files.content(part).size());
        const auto after = replay(files);
        REQUIRE(after.damages.size() == 1);
        CHECK(after.damages[0].checkpoint);
        CHECK(after.damages[0].segment == 3);
        CHECK(after.series == std::set<uint64_t>{5, 6});
    }
    SECTION("it cannot be listed") {
        FaultFiles faults(files);
        faults.fail_at(FileCall::kList, 7);
        auto sources = wal::find_sources(faults, "/wal");
        REQUIRE(sources);
        CHECK(sources.value().files.size() >= 2);
    }
}

TEST_CASE("a checkpoint that keeps nothing is no damage", "[tsdb][wal]") {
    MemoryFiles files;
    write_segments(files, 6);
    REQUIRE(wal::write_checkpoint(
        files, "/wal", {.last_segment = 3, .min_t = 100, .keep_series = [](uint64_t) {
                            return false;
                        }}));
    REQUIRE(wal::remove_segments(files, "/wal", 3));
    const auto after = replay(files);
    CHECK(after.damages.empty());
    CHECK(after.series == std::set<uint64_t>{5, 6});
}

TEST_CASE("a log without its beginning lacks it, and one with a checkpoint does not",
          "[tsdb][wal]") {
    MemoryFiles files;
    write_segments(files, 6);
    CHECK_FALSE(wal::missing_beginning(wal::find_sources(files, "/wal").value()));
    write_checkpoint(files, 3);
    REQUIRE(wal::remove_segments(files, "/wal", 3));
    CHECK_FALSE(wal::missing_beginning(wal::find_sources(files, "/wal").value()));
    REQUIRE(files.remove_tree("/wal/checkpoint.00000003"));
    const auto missing = wal::missing_beginning(wal::find_sources(files, "/wal").value());
    REQUIRE(missing);
    CHECK(missing->segment == 3);
    CHECK_FALSE(missing->torn);
    CHECK(missing->reason.find("00000004") != std::string::npos);
}

TEST_CASE("half-written checkpoints and foreign names are passed over", "[tsdb][wal]") {
    MemoryFiles files;
    write_segments(files, 3);
    files.put("/wal/checkpoint.00000001.tmp/00000000", "half");
    files.put("/wal/checkpoint.00000001", "a file");
    files.put("/wal/checkpoint.x/00000000", "a name");
    files.put("/wal/notes.txt", "not ours");
    files.put("/wal/00000001.tmp", "not a segment");
    files.put("/wal/series_state.json", "{}");
    const auto after = replay(files);
    CHECK(after.points == points_of(3));
    CHECK(after.damages.empty());
    CHECK(open_writer(files)->segment() == 3);
}

TEST_CASE("a missing segment is named, and costs what was in it", "[tsdb][wal]") {
    MemoryFiles files;
    write_segments(files, 6);
    REQUIRE(files.remove(last_path(2)));
    REQUIRE(files.remove(last_path(3)));
    const auto after = replay(files);
    CHECK(after.points == points_of(6, {2, 3}));
    CHECK(after.unplaced.size() == 4);
    REQUIRE(after.damages.size() == 1);
    CHECK(after.damages[0].segment == 2);
    CHECK(after.damages[0].reason == "segments are missing: 00000002 to 00000003");
}

TEST_CASE("segments are read whatever became of their neighbours", "[tsdb][wal]") {
    MemoryFiles files;
    write_segments(files, 5);
    SECTION("one has no bytes") {
        files.put(last_path(1), "");
        const auto after = replay(files);
        CHECK(after.points == points_of(5, {1}));
        CHECK(after.damages.empty());  // as a start without samples leaves it
    }
    SECTION("one is zeros") {
        files.put(last_path(1), std::string(wal::kPageBytes, '\0'));
        CHECK(replay(files).points == points_of(5, {1}));
    }
    SECTION("two have changed places") {
        const std::string one = files.content(last_path(1));
        files.put(last_path(1), files.content(last_path(3)));
        files.put(last_path(3), one);
        const auto after = replay(files);
        CHECK(after.wrong == 0);
        CHECK(after.series == std::set<uint64_t>{1, 2, 3, 4, 5});
        // Samples of series 2 and 4 that now come before them are not placed.
        CHECK(after.points.size() + after.unplaced.size() == points_of(5).size());
        CHECK(after.unplaced.size() <= 4);
    }
    SECTION("one cannot be opened") {
        FaultFiles faults(files);
        faults.fail_at(FileCall::kOpen, 2);
        const auto after = replay(faults);
        CHECK(after.points == points_of(5, {1}));
        REQUIRE(after.damages.size() == 1);
        CHECK(after.damages[0].segment == 1);
        CHECK(after.damages[0].bytes == wal::kPageBytes);
    }
    SECTION("one cannot be asked for its size") {
        FaultFiles faults(files);
        faults.fail_at(FileCall::kList, 6);
        CHECK(replay(faults).points == points_of(5));
    }
}

// The writer on disks that fail: nothing acknowledged is lost, and a series comes before its
// samples.
#include <memory>
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

namespace {

using test_support::FaultFiles;
using test_support::FileCall;
using test_support::FileFault;
using test_support::MemoryFiles;
using wal_test::log;
using wal_test::open_writer;
using wal_test::Point;
using wal_test::replay;
using wal_test::samples_record;
using wal_test::series_record;
namespace wal = tsdb::wal;

// Runs something in the middle of a sync: what other threads do while one waits for the disk.
class SyncHook final : public test_support::ForwardingFiles {
  public:
    using ForwardingFiles::ForwardingFiles;

    std::function<base::Status()> during_sync;  // once; its error is the sync's

  private:
    class File final : public test_support::ForwardingWriteFile {
      public:
        File(SyncHook& hook, std::unique_ptr<base::WriteFile> below)
            : ForwardingWriteFile(std::move(below)), hook_(hook) {}

        base::Status sync_data() override {
            if (const auto run = std::exchange(hook_.during_sync, nullptr)) {
                TRY(run());
            }
            return ForwardingWriteFile::sync_data();
        }

        base::Status sync() override { return sync_data(); }

      private:
        SyncHook& hook_;
    };

    std::unique_ptr<base::WriteFile> wrap(std::unique_ptr<base::WriteFile> file) override {
        return std::make_unique<File>(*this, std::move(file));
    }
};

}  // namespace

TEST_CASE("wal writes again what was logged while a sync failed", "[tsdb][wal]") {
    MemoryFiles disk;
    SyncHook files(disk);
    const auto writer = open_writer(files);
    REQUIRE(log(*writer, {series_record({1, 2})}));
    files.during_sync = [&]() -> base::Status {
        // On the log's thread, while the disk makes up its mind.
        REQUIRE(log(*writer, {samples_record({{1, 10}}), series_record({3})}));
        REQUIRE(log(*writer, {samples_record({{3, 10}})}));
        return base::fail(base::Code::kIo, "the disk is gone");
    };
    REQUIRE_FALSE(writer->sync());
    REQUIRE(log(*writer, {samples_record({{2, 20}, {3, 20}})}));
    REQUIRE(writer->sync());
    disk.power_cut();
    // The segment that failed lost everything; all of it stands in the next one, in order.
    const auto replayed = replay(disk);
    CHECK(replayed.series == std::set<uint64_t>{1, 2, 3});
    CHECK(replayed.points == std::set<Point>{{1, 10}, {2, 20}, {3, 10}, {3, 20}});
    CHECK(replayed.unplaced.empty());
}

TEST_CASE("wal puts series before samples when the sync of an older segment fails", "[tsdb][wal]") {
    MemoryFiles disk;
    SyncHook files(disk);
    const auto writer = open_writer(files);
    REQUIRE(log(*writer, {series_record({1})}));
    REQUIRE(writer->begin_next_segment());
    files.during_sync = [&]() -> base::Status {
        REQUIRE(log(*writer, {samples_record({{1, 10}})}));
        return base::fail(base::Code::kIo, "the disk is gone");
    };
    REQUIRE_FALSE(writer->sync());
    REQUIRE(log(*writer, {samples_record({{1, 20}})}));
    REQUIRE(writer->sync());
    disk.power_cut();
    // The first copy of a sample may stand before the series' second one; the second does not.
    CHECK(replay(disk).points == std::set<Point>{{1, 10}, {1, 20}});
}

TEST_CASE("wal counts what a sync does not cover as unsynced", "[tsdb][wal]") {
    MemoryFiles disk;
    SyncHook files(disk);
    const auto writer = open_writer(files);
    CHECK(writer->unsynced_bytes() == 0);
    REQUIRE(log(*writer, {series_record({1})}));
    files.during_sync = [&] { return log(*writer, {series_record({2})}); };
    REQUIRE(writer->sync());
    CHECK(writer->unsynced_bytes() > 0);
    REQUIRE(writer->sync());
    CHECK(writer->unsynced_bytes() == 0);
    CHECK(writer->oldest_unsynced() == base::Duration::zero());
}

TEST_CASE("wal begins a segment when asked, and none behind an empty one", "[tsdb][wal]") {
    MemoryFiles files;
    const auto writer = open_writer(files);
    REQUIRE(writer->begin_next_segment());
    CHECK(writer->segment() == 0);
    REQUIRE(log(*writer, {series_record({1})}));
    REQUIRE(writer->begin_next_segment());
    CHECK(writer->segment() == 1);
    CHECK(files.content("/wal/00000000").size() == wal::kPageBytes);
    REQUIRE(writer->begin_next_segment());
    CHECK(writer->segment() == 1);
    REQUIRE(log(*writer, {samples_record({{1, 5}})}));
    REQUIRE(writer->close());
    CHECK(replay(files).points == std::set<Point>{{1, 5}});
}

TEST_CASE("wal closes with what a failed sync may have lost", "[tsdb][wal]") {
    MemoryFiles disk;
    FaultFiles files(disk);
    const auto writer = open_writer(files);
    REQUIRE(log(*writer, {series_record({1}), samples_record({{1, 5}})}));
    SECTION("before") {
        files.fail_at(FileCall::kSync, 1);
        REQUIRE_FALSE(writer->sync());
        REQUIRE(writer->close());
    }
    SECTION("in closing") {
        files.fail_at(FileCall::kSync, 1);
        REQUIRE(writer->close());
    }
    disk.power_cut();
    CHECK(replay(disk).points == std::set<Point>{{1, 5}});
}

TEST_CASE("wal goes on without a restart after the disk was full", "[tsdb][wal]") {
    MemoryFiles disk;
    FaultFiles files(disk);
    const auto writer = open_writer(files, {.segment_size = 2 * wal::kPageBytes});
    REQUIRE(log(*writer, {series_record({1})}));
    const bool truncates = GENERATE(true, false);
    CAPTURE(truncates);
    disk.set_capacity(disk.content("/wal/00000000").size() + 5);
    if (!truncates) {
        files.fail_at(FileCall::kTruncate, 1, {.forever = true});
    }
    for (int attempt = 0; attempt < 100; ++attempt) {
        const base::Status full = log(*writer, {samples_record({{1, attempt}})});
        REQUIRE_FALSE(full);
        CHECK(full.error().code() == base::Code::kNoSpace);
    }
    // Attempts leave no files behind.
    CHECK(disk.list("/wal").value().size() <= 2);
    disk.set_capacity(UINT64_MAX);
    files.heal();
    for (int64_t t = 1000; t < 1100; ++t) {
        REQUIRE(log(*writer, {samples_record({{1, t}})}));
    }
    REQUIRE(writer->close());
    const auto replayed = replay(disk);
    for (int64_t t = 1000; t < 1100; ++t) {
        CHECK(replayed.points.contains({1, t}));
    }
    CHECK(replayed.wrong == 0);
    for (const wal::Damage& damage : replayed.damages) {
        CHECK(damage.torn);
    }
}

TEST_CASE("wal loses nothing that was synced, whatever fails", "[tsdb][wal][property]") {
    const uint64_t seed = test_support::test_seed();
    for (uint64_t round = 0; round < 60; ++round) {
        CAPTURE(seed, round);
        base::SeededRandom random(seed + round);
        MemoryFiles disk;
        FaultFiles files(disk);
        const auto writer = open_writer(files, {.segment_size = 2 * wal::kPageBytes});
        std::set<Point> acknowledged;
        std::set<Point> durable;
        std::set<uint64_t> known;
        uint64_t next_ref = 1;
        for (int64_t step = 0; step < 60; ++step) {
            const uint64_t what = random.below(12);
            if (what == 0) {
                const auto call = std::vector{FileCall::kWrite,
                                              FileCall::kSync,
                                              FileCall::kOpen,
                                              FileCall::kSyncFolder,
                                              FileCall::kTruncate}[random.below(5)];
                files.fail_at(call, 1 + random.below(3), {.bytes_written = random.below(4000)});
            } else if (what == 1) {
                files.heal();
            } else if (what <= 4) {
                // What a failed sync lost is on the disk only when it was written again.
                if (log(*writer, {}) && writer->sync()) {
                    durable = acknowledged;
                }
            } else if (what == 5) {
                base::ignore(writer->begin_next_segment(), "logging goes on where it was");
            } else {
                std::vector<std::string> records;
                std::vector<Point> points;
                std::vector<uint64_t> fresh;
                if (random.below(3) == 0) {
                    for (uint64_t i = random.below(400); i > 0; --i) {
                        fresh.push_back(next_ref++);
                    }
                    records.push_back(series_record(fresh));
                }
                for (const uint64_t ref : known) {
                    if (random.below(4) == 0) {
                        points.push_back({.ref = ref, .t = step});
                    }
                }
                records.push_back(samples_record(points));
                if (log(*writer, records)) {
                    known.insert(fresh.begin(), fresh.end());
                    acknowledged.insert(points.begin(), points.end());
                }
            }
        }
        {
            const auto alive = replay(disk);  // as after a kill
            REQUIRE(std::ranges::includes(alive.points, acknowledged));
            REQUIRE(alive.wrong == 0);
        }
        disk.power_cut(random);
        const auto replayed = replay(disk);
        REQUIRE(std::ranges::includes(replayed.points, durable));
        REQUIRE(replayed.wrong == 0);
    }
}

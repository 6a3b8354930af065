#include "tsdb/wal/series_log.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "base/random.h"
#include "test/support/fault_files.h"
#include "test/support/memory_files.h"
#include "test/support/seed.h"
#include "test/tsdb/wal/log_text.h"
#include "tsdb/wal/series_log_reader.h"

namespace {

using test_support::FaultFiles;
using test_support::FileCall;
using test_support::MemoryFiles;
using wal_test::packed_labels;
namespace wal = tsdb::wal;

const base::Path kFolder = "/skein/series_log";

std::unique_ptr<wal::SeriesLog> open_log(base::Files& files, bool fresh = false) {
    auto log = wal::SeriesLog::open(files, kFolder, fresh);
    REQUIRE(log);
    return std::move(log).value();
}

base::Status append(wal::SeriesLog& log, uint32_t segment, uint64_t from, uint64_t to) {
    std::vector<std::string> texts;
    std::vector<wal::SeriesEntry> entries;
    for (uint64_t ref = from; ref < to; ++ref) {
        texts.push_back(packed_labels(ref));
    }
    for (uint64_t ref = from; ref < to; ++ref) {
        entries.push_back({.ref = ref, .labels = 2, .packed = texts[ref - from]});
    }
    return log.append(segment, entries);
}

// Which of the references below `end` are found; each must have its own labels.
std::set<uint64_t> found(base::Files& files, uint32_t segment, uint64_t end) {
    wal::SeriesLogReader reader(files, kFolder, segment);
    std::set<uint64_t> out;
    uint64_t wrong = 0;
    for (uint64_t ref = 0; ref < end; ++ref) {
        if (const auto entry = reader.find(ref, segment)) {
            const bool right =
                entry->ref == ref && entry->labels == 2 && entry->packed == packed_labels(ref);
            wrong += right ? 0 : 1;
            out.insert(ref);
        }
    }
    REQUIRE(wrong == 0);
    return out;
}

std::set<uint64_t> refs(uint64_t from, uint64_t to) {
    std::set<uint64_t> out;
    for (uint64_t ref = from; ref < to; ++ref) {
        out.insert(ref);
    }
    return out;
}

}  // namespace

TEST_CASE("the side log gives back each series' labels", "[tsdb][wal][series_log]") {
    MemoryFiles files;
    CHECK(found(files, 0, 10).empty());
    {
        const auto log = open_log(files);
        REQUIRE(append(*log, 3, 1, 5000));
        REQUIRE(log->sync(3));
        REQUIRE(append(*log, 4, 5000, 5010));
        REQUIRE(log->sync(5));
    }
    CHECK(found(files, 5, 6000) == refs(1, 5010));
    {
        const auto log = open_log(files);
        REQUIRE(append(*log, 6, 5010, 5020));
        REQUIRE(log->sync(6));
    }
    CHECK(found(files, 6, 6000) == refs(1, 5020));
    wal::SeriesLogReader reader(files, kFolder, 6);
    CHECK(reader.greatest_ref() == 5019);
    CHECK(reader.entries() == 5019);
    CHECK(reader.damaged_bytes() == 0);
    CHECK(reader.trusted());
    CHECK(files.list(kFolder).value().size() == 1);
}

TEST_CASE("the side log tells series with one reference apart by when they were logged",
          "[tsdb][wal][series_log]") {
    MemoryFiles files;
    const auto log = open_log(files);
    const std::string old_labels = packed_labels(1000);
    const std::string new_labels = packed_labels(2000);
    const wal::SeriesEntry first[] = {{.ref = 7, .labels = 2, .packed = old_labels}};
    const wal::SeriesEntry second[] = {{.ref = 7, .labels = 2, .packed = new_labels}};
    REQUIRE(log->append(3, first));
    REQUIRE(log->append(9, second));
    REQUIRE(log->sync(9));
    wal::SeriesLogReader reader(files, kFolder, 9);
    CHECK_FALSE(reader.find(7, 2));
    CHECK(reader.find(7, 3)->packed == old_labels);
    CHECK(reader.find(7, 8)->packed == old_labels);
    CHECK(reader.find(7, 9)->packed == new_labels);
}

TEST_CASE("the side log is not trusted when someone else wrote segments",
          "[tsdb][wal][series_log]") {
    MemoryFiles files;
    {
        const auto log = open_log(files);
        REQUIRE(append(*log, 3, 1, 10));
        REQUIRE(log->sync(4));
    }
    for (const auto newest : {std::optional<uint32_t>(5), std::optional<uint32_t>(2), {}}) {
        wal::SeriesLogReader reader(files, kFolder, newest);
        CHECK_FALSE(reader.trusted());
        CHECK_FALSE(reader.find(1, 9));
        CHECK(reader.greatest_ref() == 9);
    }
    CHECK(found(files, 4, 10).size() == 9);
    const auto log = open_log(files, true);
    REQUIRE(append(*log, 6, 1, 3));
    REQUIRE(log->sync(6));
    CHECK(found(files, 6, 10) == refs(1, 3));
}

TEST_CASE("the side log is rewritten when more than half of it is gone",
          "[tsdb][wal][series_log]") {
    MemoryFiles files;
    const auto log = open_log(files);
    REQUIRE(append(*log, 0, 0, 4000));
    REQUIRE(log->sync(1));
    const auto few = log->compact([](uint64_t ref) { return ref >= 1900; });
    REQUIRE(few);
    CHECK_FALSE(few.value().rewritten);
    CHECK(found(files, 1, 5000) == refs(0, 4000));
    const auto many = log->compact([](uint64_t ref) { return ref >= 3000; });
    REQUIRE(many);
    CHECK(many.value().rewritten);
    CHECK(many.value().bytes_gone > 2 * many.value().bytes_kept);
    CHECK(found(files, 1, 5000) == refs(3000, 4000));
    REQUIRE(append(*log, 2, 4000, 4100));
    REQUIRE(log->sync(2));
    CHECK(found(files, 2, 5000) == refs(3000, 4100));
    // Without a series left it still knows which segment it was kept up to.
    REQUIRE(log->compact([](uint64_t) { return false; }));
    CHECK(wal::SeriesLogReader(files, kFolder, 2).trusted());
    CHECK(found(files, 2, 5000).empty());
    CHECK(files.list(kFolder).value().size() == 1);
}

TEST_CASE("the side log never gives wrong labels, whatever is damaged",
          "[tsdb][wal][series_log][property]") {
    const uint64_t seed = test_support::test_seed();
    base::SeededRandom random(seed);
    MemoryFiles files;
    {
        const auto log = open_log(files);
        for (uint64_t from = 0; from < 20000; from += 100) {
            REQUIRE(append(*log, 0, from, from + 100));
            if (from % 1000 == 0) {
                REQUIRE(log->sync(0));
            }
        }
        REQUIRE(log->sync(1));
    }
    const std::string path = kFolder + "/00000000";
    const std::string bytes = files.content(path);
    for (int round = 0; round < 10; ++round) {
        CAPTURE(seed, round);
        std::string damaged = bytes;
        const size_t at = random.below(bytes.size() - 60);  // the last note stays
        const size_t length = std::min<size_t>(1 + random.below(40), damaged.size() - at);
        damaged.replace(at, length, test_support::random_bytes(random, random.below(40)));
        files.put(path, damaged);
        // About two blocks, and never more.
        REQUIRE(found(files, 1, 20000).size() > 16000);
    }
    files.put(path, test_support::random_bytes(random, 10000));
    CHECK(found(files, 1, 100).empty());
    // It goes on behind the garbage.
    const auto log = open_log(files);
    REQUIRE(append(*log, 2, 5, 10));
    REQUIRE(log->sync(2));
    CHECK(found(files, 2, 100) == refs(5, 10));
}

TEST_CASE("the side log goes on after a full disk and a failed sync", "[tsdb][wal][series_log]") {
    MemoryFiles disk;
    FaultFiles files(disk);
    const auto log = open_log(files);
    REQUIRE(append(*log, 0, 0, 10));
    REQUIRE(log->sync(0));
    disk.set_capacity(disk.content(kFolder + "/00000000").size() + 7);
    REQUIRE(append(*log, 0, 10, 20));
    REQUIRE_FALSE(log->sync(0));
    disk.set_capacity(UINT64_MAX);
    REQUIRE(append(*log, 0, 20, 30));
    REQUIRE(log->sync(0));
    auto want = refs(0, 10);
    want.merge(refs(20, 30));
    CHECK(found(disk, 0, 50) == want);
    REQUIRE(append(*log, 1, 30, 40));
    files.fail_at(FileCall::kSync, 1);
    REQUIRE_FALSE(log->sync(1));
    REQUIRE(append(*log, 1, 40, 50));
    REQUIRE(log->sync(1));
    disk.power_cut();
    want.merge(refs(40, 50));
    CHECK(found(disk, 1, 50) == want);
}

TEST_CASE("the side log survives power cuts while it is rewritten",
          "[tsdb][wal][series_log][property]") {
    const uint64_t seed = test_support::test_seed();
    for (uint64_t round = 0; round < 100; ++round) {
        CAPTURE(seed, round);
        base::SeededRandom random(seed + round);
        MemoryFiles disk;
        FaultFiles files(disk);
        const auto keep = [](uint64_t ref) { return ref >= 1500; };
        {
            const auto log = open_log(files);
            REQUIRE(append(*log, 0, 0, 2000));
            REQUIRE(log->sync(0));
            const auto call = std::vector{FileCall::kWrite,
                                          FileCall::kSync,
                                          FileCall::kOpen,
                                          FileCall::kSyncFolder,
                                          FileCall::kRename,
                                          FileCall::kRemove}[random.below(6)];
            files.fail_at(call, 1 + random.below(3), {.bytes_written = random.below(400)});
            base::ignore(log->compact(keep), "the fault");
            disk.power_cut(random);
        }
        const auto there = found(disk, 0, 3000);
        REQUIRE((there == refs(0, 2000) || there == refs(1500, 2000)));
        files.heal();
        const auto log = open_log(disk);
        REQUIRE(append(*log, 1, 2000, 2100));
        REQUIRE(log->sync(1));
        REQUIRE(log->compact(keep));
        REQUIRE(found(disk, 1, 3000) == refs(1500, 2100));
    }
}

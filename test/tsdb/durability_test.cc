// What the storage promises about damage, crashes and disks, at the level of the whole database.
#include <chrono>
#include <functional>
#include <string>
#include <thread>

#include "test/support/fault_files.h"
#include "test/tsdb/db_fixture.h"
#include "tsdb/storage_status.h"

namespace {

using test_support::MemoryFiles;
using tsdb_test::Contents;
using tsdb_test::labels_of;
using tsdb_test::Node;

constexpr int64_t kNow = 1'700'000'000'000;
constexpr int kSeries = 400;
constexpr int kScrapes = 40;

std::string metrics_of(Node& node) {
    std::string text;
    node.registry().write_text(text);
    return text;
}

bool has_metric(Node& node, const std::string& line) {
    return ("\n" + metrics_of(node)).find("\n" + line + "\n") != std::string::npos;
}

// The series of a scrape come into the log together, and their samples after them.
void scrape(Node& node, int64_t t) {
    const auto appender = node.db().appender(1);
    model::AppendBatch batch;
    for (int i = 0; i < kSeries; ++i) {
        const auto labels = labels_of("m", std::to_string(i));
        const auto handle = appender->resolve(labels, labels.hash(), nullptr);
        REQUIRE(handle);
        batch.floats.push_back({.series = handle.value(),
                                .t = t,
                                .v = static_cast<double>(i) + static_cast<double>(t % 997)});
    }
    const auto report = model::commit_and_wait(*appender, std::move(batch));
    REQUIRE(report);
    REQUIRE(report.value().rejected.empty());
}

void scrapes(Node& node, int from, int to) {
    for (int i = from; i < to; ++i) {
        scrape(node, kNow + i * 15000);
    }
}

// Damages the series records, which stand at the log's beginning.
void damage_series_records(MemoryFiles& files) {
    files.flip_bit("/data/wal/00000000", 100, 2);
}

}  // namespace

TEST_CASE("samples whose series record is damaged are kept by the side log", "[tsdb][durability]") {
    MemoryFiles files;
    Contents want;
    {
        Node node(files);
        scrapes(node, 0, kScrapes);
        want = node.contents();
    }
    damage_series_records(files);
    for (int life = 0; life < 3; ++life) {
        CAPTURE(life);
        Node node(files);
        CHECK(node.db().replay_report().damages.size() == 1);
        CHECK(node.db().replay_report().salvaged_series > 0);
        CHECK(node.db().replay_report().unknown_refs == 0);
        CHECK_FALSE(has_metric(node, "skein_wal_salvaged_records_total 0"));
        // What stood in the damaged page itself is lost: the first dozen scrapes.
        const Contents found = node.contents();
        REQUIRE(found.size() == want.size());
        for (const auto& [series, points] : want) {
            CHECK(found.at(series).size() >= points.size() / 2);
        }
        scrape(node, kNow + (kScrapes + life) * 15000);
    }
}

TEST_CASE("without a side log, damage to series costs their samples and nothing else",
          "[tsdb][durability]") {
    MemoryFiles files;
    {
        Node node(files);
        scrapes(node, 0, kScrapes);
    }
    damage_series_records(files);
    REQUIRE(files.remove_tree("/data/skein"));
    Node node(files);
    CHECK(node.db().replay_report().unknown_refs > 0);
    CHECK(node.db().replay_report().salvaged_series == 0);
    // The references of what is lost are not given again: its samples must not become another's.
    const auto labels = labels_of("other", "1");
    REQUIRE(node.append(labels, kNow + kScrapes * 15000, 7));
    CHECK(node.contents().at(labels.to_series_string()).size() == 1);
}

TEST_CASE("a side log that another server did not keep is begun anew", "[tsdb][durability]") {
    MemoryFiles files;
    {
        Node node(files);
        scrapes(node, 0, 2);
    }
    // Another server's segment.
    files.put("/data/wal/00000001", base::ByteView(std::string()));
    {
        Node node(files);
        scrapes(node, 2, kScrapes);
    }
    damage_series_records(files);
    Node node(files);
    CHECK(node.db().replay_report().salvaged_series > 0);
    CHECK(node.contents().size() == kSeries);
}

TEST_CASE("a start knows how the run before it ended", "[tsdb][durability]") {
    MemoryFiles files;
    {
        const Node node(files);
    }
    {
        Node node(files);
        CHECK(has_metric(node, "skein_unclean_shutdowns_total 0"));
    }
    MemoryFiles copy;
    copy.put("/data/skein/running", base::ByteView(std::string("0\n")));
    Node node(copy);
    CHECK(has_metric(node, "skein_unclean_shutdowns_total 1"));
    CHECK(copy.content("/data/skein/running") == "1\n");
    REQUIRE(node.db().stop());
    CHECK_FALSE(copy.exists("/data/skein/running").value());
}

// ---------------------------------------------------------------------------------------------
// A disk that is full, or fails

namespace {

constexpr uint64_t kDiskBytes = uint64_t{2} << 20;

uint64_t used(MemoryFiles& files) {
    const auto space = files.space("/data");
    return space.value().capacity - space.value().available;
}

bool wait_until(const std::function<bool()>& condition) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition() && std::chrono::steady_clock::now() < until) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return condition();
}

tsdb::TsdbOptions with_reserve() {
    tsdb::TsdbOptions options = Node::defaults();
    options.disk_reserve_bytes = 64 << 10;
    options.disk_free_bytes_min = 16 << 10;
    return options;
}

}  // namespace

TEST_CASE("a log whose beginning is gone is told, with what was lost", "[tsdb][durability]") {
    MemoryFiles files;
    {
        Node node(files);
        scrapes(node, 0, 2);
    }
    {
        Node node(files);
        scrapes(node, 2, 4);
    }
    REQUIRE(files.remove("/data/wal/00000000"));
    const bool empty_checkpoint = GENERATE(false, true);
    CAPTURE(empty_checkpoint);
    if (empty_checkpoint) {
        files.put("/data/wal/checkpoint.00000000/00000000", base::ByteView(std::string()));
    }
    Node node(files);
    const auto& damages = node.db().replay_report().damages;
    REQUIRE(damages.size() == 1);
    CHECK(damages[0].segment == 0);
    CHECK(damages[0].checkpoint == empty_checkpoint);
    CHECK(tsdb::storage_json(node.db()).find(damages[0].reason) != std::string::npos);
    CHECK(has_metric(node, "prometheus_tsdb_wal_corruptions_total 1"));
    CHECK(node.contents().size() == kSeries);  // the side log knows their labels
}

TEST_CASE("a full disk makes the storage read-only until there is space again, and costs nothing",
          "[tsdb][durability]") {
    MemoryFiles files;
    files.set_capacity(kDiskBytes);
    Contents want;
    {
        Node node(files, with_reserve());
        int64_t t = kNow;
        const auto append = [&] {
            const auto labels = labels_of("m", std::to_string(t % 7));
            t += 1000;
            const auto report = node.append(labels, t, static_cast<double>(t % 91));
            REQUIRE(report);
            REQUIRE(report.value().accepted == 1);
            want[labels.to_series_string()].emplace_back(
                t, std::bit_cast<uint64_t>(static_cast<double>(t % 91)));
            return report.value().logged;
        };
        for (int round = 0; round < 20; ++round) {
            CAPTURE(round);
            CHECK(append());
            // Somebody else takes all there is.
            files.set_capacity(used(files));
            bool logged = true;
            for (int i = 0; i < 20; ++i) {
                logged = append();
            }
            CHECK_FALSE(logged);
            CHECK(node.db().disk().has(tsdb::ReadonlyReason::kNoSpace));
            CHECK(has_metric(node, "skein_storage_readonly{reason=\"no_space\"} 1"));
            CHECK_FALSE(has_metric(node, "skein_wal_kept_bytes 0"));
            REQUIRE(node.contents() == want);
            REQUIRE(node.db().run_upkeep());
            files.set_capacity(kDiskBytes);
            REQUIRE(wait_until([&] { return !node.db().disk().readonly() && append(); }));
            CHECK(has_metric(node, "skein_wal_kept_bytes 0"));
            REQUIRE(node.contents() == want);
        }
        CHECK(has_metric(node, "skein_storage_readonly{reason=\"no_space\"} 0"));
    }
    Node node(files, with_reserve());
    CHECK(node.db().replay_report().damages.empty());
    CHECK(node.contents() == want);
}

TEST_CASE("little free space makes the storage read-only before the disk is full",
          "[tsdb][durability]") {
    MemoryFiles files;
    files.set_capacity(kDiskBytes);
    Node node(files, with_reserve());
    REQUIRE(wait_until([&] { return files.exists("/data/skein/reserve").value(); }));
    CHECK_FALSE(node.db().disk().readonly());
    files.set_capacity(used(files) + 1000);
    REQUIRE(wait_until([&] { return node.db().disk().readonly(); }));
    // What was held in reserve is free now, for those who make room.
    CHECK_FALSE(files.exists("/data/skein/reserve").value());
    files.set_capacity(kDiskBytes);
    REQUIRE(wait_until([&] { return !node.db().disk().readonly(); }));
    REQUIRE(wait_until([&] { return files.exists("/data/skein/reserve").value(); }));
}

TEST_CASE("commits beyond what memory may keep are refused, and say why", "[tsdb][durability]") {
    MemoryFiles files;
    tsdb::TsdbOptions options = with_reserve();
    options.kept_bytes_max = 2000;
    Node node(files, options);
    REQUIRE(node.append(labels_of("m", "1"), kNow, 1));
    files.set_capacity(used(files));
    const base::Result<model::CommitReport> last = [&] {
        for (int64_t i = 1;; ++i) {
            auto report = node.append(labels_of("m", "1"), kNow + i, 1);
            if (!report || i == 1000) {
                return report;
            }
        }
    }();
    REQUIRE_FALSE(last);
    CHECK(last.error().code() == base::Code::kNoSpace);
    CHECK(last.error().message().find("free some space") != std::string::npos);
    files.set_capacity(UINT64_MAX);
    REQUIRE(wait_until([&] { return !node.db().disk().readonly(); }));
    const auto after = node.append(labels_of("m", "1"), kNow + 2000, 1);
    REQUIRE(after);
    CHECK(after.value().logged);
}

TEST_CASE("a second failed sync in a row makes the storage read-only, and nothing is lost",
          "[tsdb][durability]") {
    MemoryFiles disk;
    test_support::FaultFiles files(disk);
    tsdb::TsdbOptions options = Node::defaults();
    options.wal_sync_interval = std::chrono::milliseconds(GENERATE(0, 20));
    CAPTURE(options.wal_sync_interval.count());
    Contents want;
    {
        Node node(files, options);
        const auto labels = labels_of("m", "1");
        REQUIRE(node.append(labels, kNow, 1));
        files.fail_at(test_support::FileCall::kSync, 1, {.forever = true});
        REQUIRE(wait_until([&] {
            const int64_t t =
                kNow + 1 + static_cast<int64_t>(node.contents().begin()->second.size());
            REQUIRE(node.append(labels, t, 2));
            return node.db().disk().has(tsdb::ReadonlyReason::kSyncFailed);
        }));
        const auto report = node.append(labels, kNow + 1'000'000, 3);
        REQUIRE(report);
        CHECK_FALSE(report.value().logged);
        want = node.contents();
        files.heal();
        REQUIRE(wait_until([&] { return !node.db().disk().readonly(); }));
        REQUIRE(wait_until([&] { return has_metric(node, "skein_wal_kept_bytes 0"); }));
        CHECK(node.contents() == want);
        disk.power_cut();
    }
    Node node(disk);
    CHECK(node.contents().begin()->second.size() >= 1);
}

TEST_CASE("after three starts in a row that did not end cleanly blocks are not compacted",
          "[tsdb][durability]") {
    MemoryFiles files;
    const int before = GENERATE(0, 2);
    files.put("/data/skein/running", base::ByteView(std::to_string(before) + "\n"));
    Node node(files);
    CHECK(node.db().safe_mode() == (before == 2));
    REQUIRE(node.db().run_upkeep());
    CHECK(node.db().safe_mode() == (before == 2));
    CHECK(
        has_metric(node, before == 2 ? "skein_storage_safe_mode 1" : "skein_storage_safe_mode 0"));
}

// ---------------------------------------------------------------------------------------------
// Blocks that are read again

namespace {

// A folder with one block; its path.
base::Path with_block(Node& node) {
    scrapes(node, 0, kScrapes);
    REQUIRE(node.db().cut_head(kNow + kScrapes * 15000));
    REQUIRE(node.db().blocks().size() == 1);
    return base::join_path("/data", node.db().blocks().front().ulid.text());
}

tsdb::TsdbOptions scrubbing_fast() {
    tsdb::TsdbOptions options = Node::defaults();
    options.scrub_bytes_per_second = 0;
    return options;
}

}  // namespace

TEST_CASE("a scrub finds every damaged block, and it goes to quarantine", "[tsdb][durability]") {
    const std::string name = GENERATE("index", "chunks/000001", "meta.json");
    CAPTURE(name);
    MemoryFiles files;
    Node node(files, scrubbing_fast());
    const base::Path folder = with_block(node);
    node.db().scrub();
    REQUIRE(node.db().run_upkeep());
    CHECK(node.db().blocks().size() == 1);
    CHECK(has_metric(node, "skein_scrub_blocks_total 1"));
    const base::Path file = base::join_path(folder, name);
    files.flip_bit(file, files.content(file).size() / 2, 4);
    node.db().scrub();
    CHECK(has_metric(node, "skein_scrub_damaged_files_total 1"));
    REQUIRE(node.db().run_upkeep());
    CHECK(node.db().blocks().empty());
    CHECK(has_metric(node, "skein_blocks_quarantined_total 1"));
}

TEST_CASE("a block from another server gets its checksums at first sight", "[tsdb][durability]") {
    MemoryFiles files;
    Node node(files, scrubbing_fast());
    const base::Path sums = base::join_path(with_block(node), "skein-checksums");
    const std::string before = files.content(sums);
    REQUIRE(files.remove(sums));
    node.db().scrub();
    CHECK(files.content(sums).size() == before.size());
    node.db().scrub();
    CHECK(has_metric(node, "skein_scrub_damaged_files_total 0"));
}

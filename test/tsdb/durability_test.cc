// What the storage promises about damage, crashes and disks, at the level of the whole database.
#include <string>

#include "test/support/capture_sink.h"
#include "test/support/fault_files.h"
#include "test/support/skip.h"
#include "test/tsdb/db_fixture.h"
#include "tsdb/wal/format.h"

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

// The way of samples from the head into blocks, and what restarts make of it.
#include <algorithm>

#include "base/random.h"
#include "test/support/seed.h"
#include "test/tsdb/block/block_data.h"
#include "test/tsdb/db_fixture.h"

namespace {

using test_support::MemoryFiles;
using tsdb_test::Contents;
using tsdb_test::labels_of;
using tsdb_test::Node;

constexpr int64_t kHour = 3'600'000;
constexpr int64_t kStart = 1'700'006'400'000 / (2 * kHour) * (2 * kHour);

uint64_t bits(double v) {
    return std::bit_cast<uint64_t>(v);
}

// `series` series with a sample every `step` from kStart up to `end`.
Contents fill(Node& node, int series, int64_t end, int64_t step) {
    Contents want;
    for (int64_t from = kStart; from < end; from += 50 * step) {
        for (int i = 0; i < series; ++i) {
            const auto labels = labels_of("cut", std::to_string(i));
            std::vector<std::pair<int64_t, double>> points;
            for (int64_t t = from; t < std::min(end, from + 50 * step); t += step) {
                const double v = static_cast<double>((t / step) % 97 * (i + 1));
                points.emplace_back(t, v);
                want[labels.to_series_string()].emplace_back(t, bits(v));
            }
            REQUIRE(node.append(labels, points));
        }
    }
    return want;
}

}  // namespace

TEST_CASE("db cuts its head into blocks of two hours, and answers as before", "[tsdb][cut]") {
    MemoryFiles files;
    Contents want;
    {
        Node node(files);
        want = fill(node, 5, kStart + 7 * kHour, 15000);
        CHECK(node.contents() == want);
        REQUIRE(node.db().run_upkeep());
        CHECK(node.contents() == want);
        const auto blocks = node.db().blocks();
        REQUIRE(blocks.size() == 2);
        CHECK(blocks[0].min_t == kStart);
        CHECK(blocks[0].max_t == kStart + 2 * kHour);
        CHECK(blocks[1].max_t == kStart + 4 * kHour);
        CHECK(blocks[0].stats.series == 5);
        CHECK(node.db().stats().min_time == kStart + 4 * kHour);
        REQUIRE(node.db().run_upkeep());
        CHECK(node.db().blocks().size() == 2);
    }
    Node node(files);
    CHECK(node.contents() == want);
    CHECK(node.db().blocks().size() == 2);
    CHECK(node.db().replay_report().unknown_refs == 0);
    CHECK(node.db().replay_report().chunks > 0);
}

TEST_CASE("db lets series go that have no sample left, and takes them back", "[tsdb][cut]") {
    MemoryFiles files;
    Node node(files);
    const auto gone = labels_of("gone", "1");
    REQUIRE(node.append(gone, kStart, 1));
    Contents want = fill(node, 3, kStart + 4 * kHour, 60000);
    want[gone.to_series_string()] = {{kStart, bits(1)}};
    REQUIRE(node.db().run_upkeep());
    CHECK(node.db().stats().series == 3);
    CHECK(node.contents() == want);
    REQUIRE(node.append(gone, kStart + 4 * kHour, 2));
    want[gone.to_series_string()].emplace_back(kStart + 4 * kHour, bits(2));
    CHECK(node.db().stats().series == 4);
    CHECK(node.contents() == want);
}

TEST_CASE("db keeps its promises through cuts and power cuts", "[tsdb][cut]") {
    tsdb::TsdbOptions options = Node::defaults();
    options.wal_sync_interval = std::chrono::milliseconds(0);
    MemoryFiles files;
    Contents want;
    {
        Node node(files, options);
        want = fill(node, 4, kStart + 5 * kHour, 30000);
        REQUIRE(node.db().run_upkeep());
        const auto more = labels_of("late", "1");
        REQUIRE(node.append(more, kStart + 5 * kHour, 3));
        want[more.to_series_string()] = {{kStart + 5 * kHour, bits(3)}};
        files.power_cut();
    }
    Node node(files, options);
    CHECK(node.contents() == want);
}

TEST_CASE("a block of the far future is served, told, and says nothing about the present",
          "[tsdb][cut]") {
    constexpr int64_t kFuture = 4'102'444'800'000;  // the year 2100
    MemoryFiles files;
    tsdb::TsdbOptions options = Node::defaults();
    options.retention.duration = std::chrono::hours(24);
    const int64_t now = base::SystemClock().now_ms();
    const auto live = labels_of("up", "1");
    {
        Node node(files, options);
        REQUIRE(node.append(live, {{now - 7'200'000, 1}, {now - 3'600'000, 2}}));
        REQUIRE(node.db().cut_head(now - 3'600'000 + 1));
    }
    base::SeededRandom random(1);
    const block_test::Series series{{{"__name__", "stock"}}, {{{kFuture, 12.0}}}};
    const auto meta =
        block_test::write_block(files, "/data", tsdb::block::Ulid::make(now, random), {series});
    REQUIRE(meta);
    Node node(files, options);
    REQUIRE(node.db().blocks().size() == 2);
    const auto findings = node.db().findings();
    REQUIRE(findings.size() == 1);
    CHECK(findings[0].name == meta.value()->ulid.text());
    CHECK(findings[0].fate == tsdb::FolderFinding::Fate::kServed);
    const auto report = node.append(live, now, 3);
    REQUIRE(report);
    CHECK(report.value().accepted == 1);
    REQUIRE(node.db().run_upkeep());
    REQUIRE(node.db().run_upkeep());
    CHECK(node.db().findings().size() == 1);
    CHECK(node.db().blocks().size() == 2);
    const Contents contents = node.contents();
    CHECK(contents.at(live.to_series_string()).size() == 3);
    CHECK(contents.size() == 2);
    std::string metrics;
    node.registry().write_text(metrics);
    CHECK(metrics.find("\nskein_blocks_from_future 1\n") != std::string::npos);
}

TEST_CASE("db truncates its log and still knows every series after a restart", "[tsdb][cut]") {
    tsdb::TsdbOptions options = Node::defaults();
    options.block_reload_interval = std::chrono::hours(1);
    MemoryFiles files;
    Contents want;
    for (int round = 0; round < 6; ++round) {
        Node node(files, options);
        CHECK(node.db().replay_report().unknown_refs == 0);
        const int64_t from = kStart + round * 2 * kHour;
        for (int64_t t = from; t < from + 2 * kHour; t += 60000) {
            for (int i = 0; i < 3; ++i) {
                for (const auto& labels : {labels_of("long", std::to_string(i)),
                                           labels_of("churn", std::to_string(round * 10 + i))}) {
                    REQUIRE(node.append(labels, t, round));
                    want[labels.to_series_string()].emplace_back(t, bits(round));
                }
            }
        }
        REQUIRE(node.db().run_upkeep());
        CHECK(node.contents() == want);
    }
    Node node(files, options);
    CHECK(node.contents() == want);
    CHECK(node.db().stats().series <= 12);
    REQUIRE(files.list("/data/wal"));
    CHECK(std::ranges::any_of(files.list("/data/wal").value(), [](const auto& entry) {
        return entry.name.starts_with("checkpoint.");
    }));
}

namespace {

model::Labels wide_labels(int series) {
    const std::string id = std::to_string(series);
    return model::Labels{{"__name__", "wide"},
                         {"instance", "host:" + std::to_string(series % 100)},
                         {"path", "/a/path/of/some/length/" + id}};
}

// Series with a sample in each of the first two blocks' times, so that one block is due.
void fill_wide(Node& node, int series) {
    for (const int64_t t : {kStart, kStart + 4 * kHour - 1}) {
        const auto appender = node.db().appender(1);
        model::AppendBatch batch;
        for (int i = 0; i < series; ++i) {
            const auto labels = wide_labels(i);
            const auto handle = appender->resolve(labels, labels.hash(), nullptr);
            REQUIRE(handle);
            batch.floats.push_back({.series = handle.value(), .t = t, .v = 1});
        }
        REQUIRE(model::commit_and_wait(*appender, std::move(batch)));
    }
}

}  // namespace

TEST_CASE("a cut takes no more than what was kept ready for it, and gives all back",
          "[tsdb][cut][memory]") {
    const int series = GENERATE(1, 700, 3000, 20'000);
    CAPTURE(series);
    MemoryFiles files;
    Node node(files);
    fill_wide(node, series);
    const base::MemoryReserve& memory = node.db().upkeep_memory();
    const int64_t before = node.budget().used();
    node.db().keep_cut_memory(INT64_MAX);
    const int64_t kept = memory.kept();
    CHECK(node.budget().used() == before + kept);

    REQUIRE(node.db().run_upkeep());
    REQUIRE(node.db().blocks().size() == 1);
    CHECK(memory.most_taken() <= kept);
    CHECK(memory.most_taken() >= kept / 3);  // nor far too much is kept
    CHECK(memory.taken() == 0);
}

TEST_CASE("new series make room for a cut before it begins, and nothing keeps it from being made",
          "[tsdb][cut][memory]") {
    MemoryFiles files;
    Node node(files);
    fill_wide(node, 3000);
    const auto resolve = [&](int series) {
        const auto labels = wide_labels(series);
        return node.db().appender(1)->resolve(labels, labels.hash(), nullptr);
    };
    node.budget().set_limit(node.budget().used() + 100'000);
    CHECK(resolve(3000));
    node.db().keep_cut_memory(INT64_MAX);
    const auto refused = resolve(3001);
    REQUIRE(!refused);
    CHECK(refused.error().code() == base::Code::kLimit);
    CHECK(node.append(wide_labels(0), kStart + 4 * kHour, 2));

    node.budget().set_limit(1);
    REQUIRE(node.db().run_upkeep());
    CHECK(node.db().blocks().size() == 1);
    CHECK(node.append(wide_labels(1), kStart + 4 * kHour, 2));
}

TEST_CASE("no more is kept ready for a cut than is asked for", "[tsdb][cut][memory]") {
    MemoryFiles files;
    Node node(files);
    fill_wide(node, 3000);
    node.db().keep_cut_memory(1000);
    CHECK(node.db().upkeep_memory().kept() == 1000);
    REQUIRE(node.db().run_upkeep());
    CHECK(node.db().blocks().size() == 1);
    CHECK(node.db().upkeep_memory().most_taken() > 1000);
}

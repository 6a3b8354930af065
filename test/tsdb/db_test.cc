#include "tsdb/db.h"

#include <array>
#include <atomic>
#include <thread>

#include "base/random.h"
#include "test/support/capture_sink.h"
#include "test/support/fault_files.h"
#include "test/support/seed.h"
#include "test/tsdb/db_fixture.h"

namespace {

using test_support::FaultFiles;
using test_support::MemoryFiles;
using tsdb_test::Contents;
using tsdb_test::labels_of;
using tsdb_test::Node;

constexpr int64_t kNow = 1'700'000'000'000;

uint64_t bits(double v) {
    return std::bit_cast<uint64_t>(v);
}

}  // namespace

TEST_CASE("db gives back what it acknowledged, after every kind of end", "[tsdb][db]") {
    MemoryFiles files;
    tsdb::TsdbOptions options = Node::defaults();
    const bool power_cut = GENERATE(false, true);
    if (power_cut) {
        options.wal_sync_interval = std::chrono::milliseconds(0);
    }
    const Contents want = {
        {labels_of("up", "1").to_series_string(), {{kNow, bits(1)}, {kNow + 15000, bits(2)}}},
        {labels_of("up", "2").to_series_string(), {{kNow, model::kStaleNanBits}}}};
    {
        Node node(files, options);
        REQUIRE(node.append(labels_of("up", "1"), {{kNow, 1}, {kNow + 15000, 2}}));
        REQUIRE(node.append(labels_of("up", "2"), kNow, model::kStaleNan));
        CHECK(node.contents() == want);
        if (power_cut) {
            files.power_cut();
        }
    }
    Node node(files, options);
    CHECK(node.contents() == want);
    CHECK(node.db().replay_report().damages.empty());
    CHECK(node.db().time_range() == std::pair(kNow, kNow + 15000));
}

TEST_CASE("db tells which samples of a commit it refused", "[tsdb][db]") {
    MemoryFiles files;
    Node node(files);
    const auto labels = labels_of("up", "1");
    const auto report = node.append(
        labels,
        {{kNow, 1}, {kNow, 1}, {kNow, 2}, {kNow - 1, 1}, {kNow - 7'200'000, 1}, {kNow + 1, 1}});
    REQUIRE(report);
    CHECK(report.value().accepted == 3);
    REQUIRE(report.value().rejected.size() == 3);
    std::map<uint32_t, model::RejectReason> reasons;
    for (const auto& rejected : report.value().rejected) {
        reasons[rejected.index] = rejected.reason;
    }
    CHECK(reasons[2] == model::RejectReason::kDuplicateTimestamp);
    CHECK(reasons[3] == model::RejectReason::kOutOfOrder);
    CHECK(reasons[4] == model::RejectReason::kOutOfBounds);

    const auto appender = node.db().appender(1);
    model::AppendBatch batch;
    batch.floats.push_back({.series = {.slot = 0, .check = 99}, .t = kNow + 2, .v = 1});
    batch.floats.push_back({.series = {.slot = 12345678, .check = 1}, .t = kNow + 2, .v = 1});
    const auto unknown = model::commit_and_wait(*appender, std::move(batch));
    REQUIRE(unknown);
    REQUIRE(unknown.value().rejected.size() == 2);
    CHECK(unknown.value().rejected[0].reason == model::RejectReason::kUnknownSeries);
}

TEST_CASE("db tells of a refused stale marker of a series of histograms, by its float",
          "[tsdb][db]") {
    MemoryFiles files;
    Node node(files);
    const auto labels = labels_of("requests", "1");
    const auto appender = node.db().appender(1);
    const auto handle = appender->resolve(labels, labels.hash(), nullptr).value();
    const bool floating = GENERATE(false, true);
    CAPTURE(floating);
    model::StagedHistogram histogram{.series = handle, .t = kNow};
    if (floating) {
        histogram.floating = std::make_shared<const model::FloatHistogram>();
    } else {
        histogram.integer = std::make_shared<const model::Histogram>();
    }
    model::AppendBatch first;
    first.histograms.push_back(histogram);
    REQUIRE(model::commit_and_wait(*appender, std::move(first)).value().accepted == 1);

    // Two in one commit: the second meets the first when it is applied.
    model::AppendBatch batch;
    for (const int64_t t : {kNow - 1, kNow, kNow - 7'200'000, kNow + 2, kNow + 1}) {
        batch.floats.push_back({.series = handle, .t = t, .v = model::kStaleNan});
    }
    const auto report = model::commit_and_wait(*appender, std::move(batch));
    REQUIRE(report);
    CHECK(report.value().accepted == 1);
    std::map<uint32_t, model::RejectReason> reasons;
    for (const auto& rejected : report.value().rejected) {
        CHECK_FALSE(rejected.histogram);
        reasons[rejected.index] = rejected.reason;
    }
    CHECK(reasons ==
          std::map<uint32_t, model::RejectReason>{{0, model::RejectReason::kOutOfOrder},
                                                  {1, model::RejectReason::kDuplicateTimestamp},
                                                  {2, model::RejectReason::kOutOfBounds},
                                                  {4, model::RejectReason::kOutOfOrder}});
    CHECK(node.contents().at(labels.to_series_string()).size() == 2);
}

TEST_CASE("db restarts to the same contents after random work", "[tsdb][db][property]") {
    const uint64_t seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    MemoryFiles files;
    tsdb::TsdbOptions options = Node::defaults();
    options.wal_segment_size = tsdb::TsdbOptions::kSegmentSizeMin;
    Contents oracle;
    int64_t now = kNow;
    for (int life = 0; life < 6; ++life) {
        CAPTURE(life);
        options.wal_compression = static_cast<tsdb::WalCompression>(random.below(3));
        Node node(files, options);
        REQUIRE(node.contents() == oracle);
        for (int commit = 0; commit < 60; ++commit) {
            const auto labels =
                labels_of("m" + std::to_string(random.below(5)), std::to_string(random.below(40)));
            std::vector<std::pair<int64_t, double>> points;
            auto& of_series = oracle[labels.to_series_string()];
            for (uint64_t i = 1 + random.below(100); i > 0; --i) {
                now += static_cast<int64_t>(random.below(2000));
                const int64_t t =
                    random.below(10) == 0 ? now - static_cast<int64_t>(random.below(60000)) : now;
                const double v = static_cast<double>(random.below(3));
                points.emplace_back(t, v);
                if (of_series.empty() || t > of_series.back().first) {
                    of_series.emplace_back(t, bits(v));
                }
            }
            REQUIRE(node.append(labels, points));
        }
        REQUIRE(node.contents() == oracle);
    }
}

TEST_CASE("db goes on after a full disk and loses nothing it acknowledged", "[tsdb][db]") {
    MemoryFiles files;
    Contents oracle;
    {
        Node node(files);
        int in_memory = 0;
        for (int64_t i = 0; i < 300; ++i) {
            if (i % 100 == 50) {
                files.set_capacity(files.content("/data/wal/00000000").size() + 700);
            } else if (i % 100 == 80) {
                files.set_capacity(UINT64_MAX);
            }
            const auto labels = labels_of("m", std::to_string(i / 3));
            const auto report = node.append(labels, kNow + i, static_cast<double>(i));
            if (report) {
                REQUIRE(report.value().accepted == 1);
                oracle[labels.to_series_string()].emplace_back(kNow + i,
                                                               bits(static_cast<double>(i)));
            }
            REQUIRE(report);
            in_memory += report.value().logged ? 0 : 1;
        }
        CHECK(in_memory > 10);
        CHECK(node.contents() == oracle);
    }
    Node node(files);
    CHECK(node.contents() == oracle);
}

TEST_CASE("db survives any failing write, sync or truncate", "[tsdb][db][property]") {
    const uint64_t seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    for (int round = 0; round < 60; ++round) {
        CAPTURE(round);
        MemoryFiles disk;
        Contents oracle;
        {
            FaultFiles files(disk);
            tsdb::TsdbOptions options = Node::defaults();
            options.wal_sync_interval = std::chrono::milliseconds(random.below(2));
            Node node(files, options);
            files.fail_at(test_support::FileCall::kWrite,
                          1 + random.below(10),
                          {.code = base::Code::kIo, .bytes_written = random.below(40)});
            files.fail_at(test_support::FileCall::kSync, 1 + random.below(10));
            if (random.below(2) == 0) {
                files.fail_at(test_support::FileCall::kTruncate, 1);
            }
            for (int64_t i = 0; i < 20; ++i) {
                const auto labels = labels_of("m", std::to_string(i / 2));
                const auto report = node.append(labels, kNow + i, 1);
                if (report) {
                    oracle[labels.to_series_string()].emplace_back(kNow + i, bits(1));
                }
            }
            CHECK(node.contents() == oracle);
        }
        Node node(disk);
        // A commit refused because of a failed sync may be there nevertheless.
        const Contents found = node.contents();
        for (const auto& [series, points] : oracle) {
            REQUIRE(found.contains(series));
            for (const auto& point : points) {
                const auto& all = found.at(series);
                REQUIRE(std::ranges::find(all, point) != all.end());
            }
        }
    }
}

TEST_CASE("db keeps the samples around damage and says what was lost", "[tsdb][db]") {
    MemoryFiles files;
    {
        Node node(files);
        for (int64_t i = 0; i < 3000; ++i) {
            REQUIRE(
                node.append(labels_of("m", std::to_string(i)), kNow + i, static_cast<double>(i)));
        }
    }
    const size_t size = files.content("/data/wal/00000000").size();
    REQUIRE(size > 4 * tsdb::wal::kPageBytes);
    files.flip_bit("/data/wal/00000000", tsdb::wal::kPageBytes + 5000, 3);
    test_support::CaptureSink sink;
    const base::SystemClock clock;
    base::LogBackend backend(sink, clock, base::LogFormat::kLogfmt, base::LogLevel::kInfo);
    Node node(files, Node::defaults(), base::Logger(backend));
    const auto& report = node.db().replay_report();
    REQUIRE(report.damages.size() == 1);
    CHECK_FALSE(report.damages[0].torn);
    CHECK(report.damages[0].bytes <= tsdb::wal::kPageBytes + 300);
    CHECK(node.contents().size() > 2000);
    CHECK(node.contents().size() < 3000);
    CHECK(sink.contains("write-ahead log damaged"));
    std::string metrics;
    node.registry().write_text(metrics);
    CHECK(metrics.find("prometheus_tsdb_wal_corruptions_total 1\n") != std::string::npos);
    CHECK(metrics.find("prometheus_tsdb_head_samples_appended_total{type=\"float\"} 0\n") !=
          std::string::npos);
}

TEST_CASE("db refuses commits beyond the queue's limit", "[tsdb][db]") {
    MemoryFiles files;
    tsdb::TsdbOptions options = Node::defaults();
    options.commit_queue_bytes_max = 1000;
    Node node(files, options);
    std::vector<std::pair<int64_t, double>> many;
    for (int64_t i = 0; i < 100; ++i) {
        many.emplace_back(kNow + i, 1);
    }
    const auto report = node.append(labels_of("m", "1"), many);
    REQUIRE_FALSE(report);
    CHECK(report.error().code() == base::Code::kLimit);
    CHECK(node.append(labels_of("m", "1"), kNow, 1));
}

TEST_CASE("db lets one process at a time have the folder", "[tsdb][db]") {
    MemoryFiles files;
    Node node(files);
    const base::SystemClock clock;
    base::Budget budget("second");
    base::Registry registry;
    const auto second =
        tsdb::Db::open(Node::defaults(), files, clock, budget, base::Logger(), registry, {});
    REQUIRE_FALSE(second);
    CHECK(second.error().code() == base::Code::kUnavailable);
    tsdb::TsdbOptions options = Node::defaults();
    options.no_lockfile = true;
    base::Registry other;
    CHECK(tsdb::Db::open(options, files, clock, budget, base::Logger(), other, {}));
}

TEST_CASE("db tells how far a replay is, from its first segment to its last", "[tsdb][db]") {
    MemoryFiles files;
    for (int life = 0; life < 3; ++life) {
        Node node(files);
        REQUIRE(node.append(labels_of("m", "1"), kNow + life, 1));
    }
    base::SystemClock clock;
    base::Budget budget{"process"};
    base::Registry registry;
    std::vector<std::array<uint32_t, 3>> told;
    const auto db = tsdb::Db::open(
        Node::defaults(), files, clock, budget, {}, registry, [&](const tsdb::ReplayProgress& at) {
            told.push_back({at.first, at.current, at.last});
        });
    REQUIRE(db);
    REQUIRE(told.size() >= 3);
    for (size_t i = 0; i < told.size(); ++i) {
        CHECK(told[i] == std::array<uint32_t, 3>{
                             0, static_cast<uint32_t>(i), static_cast<uint32_t>(told.size() - 1)});
    }
}

TEST_CASE("db's lines have the fields of the logger it is given, once", "[tsdb][db]") {
    MemoryFiles files;
    test_support::CaptureSink sink;
    const base::SystemClock clock;
    base::LogBackend backend(sink, clock, base::LogFormat::kLogfmt, base::LogLevel::kInfo);
    {
        const Node node(files, Node::defaults(), base::Logger(backend).with("component", "tsdb"));
    }
    REQUIRE(sink.contains("replayed"));
    for (const std::string& line : sink.lines()) {
        CAPTURE(line);
        const size_t first = line.find("component");
        REQUIRE(first != std::string::npos);
        CHECK(line.find("component", first + 1) == std::string::npos);
    }
}

TEST_CASE("db refuses commits after it was stopped", "[tsdb][db]") {
    MemoryFiles files;
    Node node(files);
    REQUIRE(node.append(labels_of("m", "1"), kNow, 1));
    REQUIRE(node.db().stop());
    const auto report = node.append(labels_of("m", "1"), kNow + 1, 1);
    REQUIRE_FALSE(report);
    CHECK(report.error().code() == base::Code::kUnavailable);
    CHECK(node.contents().size() == 1);
}

TEST_CASE("db answers queries while several origins append", "[tsdb][db][threads]") {
    MemoryFiles files;
    Node node(files);
    constexpr int kThreads = 3;
    constexpr int kRounds = 150;
    constexpr int kSeries = 40;
    std::atomic<bool> done{false};
    std::vector<std::thread> threads;
    std::atomic<int> failures{0};
    for (int thread = 0; thread < kThreads; ++thread) {
        threads.emplace_back([&, thread] {
            const std::string instance = std::to_string(thread);
            const auto appender = node.db().appender(model::origin_of("job", instance));
            for (int64_t round = 0; round < kRounds; ++round) {
                model::AppendBatch batch;
                for (int i = 0; i < kSeries; ++i) {
                    const std::string id = std::to_string(i + round / 50);
                    const model::Labels labels{
                        {"__name__", "m"}, {"id", id}, {"instance", instance}};
                    const auto handle = appender->resolve(labels, labels.hash(), nullptr);
                    failures += handle ? 0 : 1;
                    batch.floats.push_back({.series = handle.value(),
                                            .t = kNow + round * 15000,
                                            .v = static_cast<double>(round)});
                }
                const auto report = model::commit_and_wait(*appender, std::move(batch));
                failures += report && report.value().rejected.empty() ? 0 : 1;
            }
        });
    }
    std::thread reader([&] {
        const std::vector<model::Matcher> all = {model::Matcher::equal("__name__", "m")};
        while (!done.load()) {
            auto querier = node.db().querier(model::kMinTime, model::kMaxTime);
            auto set = querier.value()->select({.sorted = true}, all, {});
            model::SeriesBatch batch;
            while (set.value()->next(batch).value()) {
                for (const auto& series : batch.series) {
                    for (const auto& chunk : series.chunks) {
                        std::vector<int64_t> t(model::xor_count(chunk.bytes));
                        std::vector<double> v(t.size());
                        failures += model::xor_decode(chunk.bytes, t.data(), v.data()) ? 0 : 1;
                    }
                }
            }
            failures += querier.value()->label_values("id", {}, all, {}) ? 0 : 1;
        }
    });
    for (std::thread& thread : threads) {
        thread.join();
    }
    done.store(true);
    reader.join();
    CHECK(failures == 0);
    CHECK(node.contents().size() == kThreads * (kSeries + 2));
    CHECK(node.db().stats().series == kThreads * (kSeries + 2));
}

TEST_CASE("db names the targets whose new series memory has no room for, and goes on with the rest",
          "[tsdb][db][memory]") {
    MemoryFiles files;
    Node node(files);
    const auto series = [](const std::string& instance, int i) {
        return model::Labels{
            {"__name__", "m" + std::to_string(i)}, {"instance", instance}, {"job", "test"}};
    };
    REQUIRE(node.append(series("a", 1), kNow, 1));
    node.budget().set_limit(node.budget().used());
    for (int i = 2; i < 7; ++i) {
        const auto refused = node.append(series(i < 4 ? "a" : "b", i), kNow, 1);
        REQUIRE(!refused);
        CHECK(refused.error().code() == base::Code::kLimit);
    }
    const auto targets = node.db().refused_series();
    REQUIRE(targets.size() == 2);
    CHECK(targets[0].instance == "b");
    CHECK(targets[0].refused == 3);
    CHECK(targets[1].job == "test");
    CHECK(targets[1].refused == 2);
    for (int64_t t = 1; t <= 500; ++t) {
        REQUIRE(node.append(series("a", 1), kNow + t * 1000, static_cast<double>(t * t)));
    }
    CHECK(node.contents().begin()->second.size() == 501);
}

TEST_CASE("of many refused targets the most refused ones are remembered", "[tsdb][memory]") {
    tsdb::RefusedSeries refused;
    for (int round = 0; round < 1000; ++round) {
        refused.add({{"instance", "flood"}, {"job", "j"}});
        refused.add({{"instance", std::to_string(round)}, {"job", "j"}});
    }
    const auto targets = refused.targets();
    REQUIRE(targets.size() == tsdb::RefusedSeries::kTargetsMax);
    CHECK(targets.front().instance == "flood");
    CHECK(targets.front().refused == 1000);
}

// Samples that come late: taken within the window, kept over every kind of end, cut into blocks.
#include <algorithm>
#include <map>
#include <set>
#include <thread>

#include "base/random.h"
#include "test/support/command.h"
#include "test/support/fault_files.h"
#include "test/support/seed.h"
#include "test/support/skip.h"
#include "test/support/temp_folder.h"
#include "test/tsdb/db_fixture.h"

namespace {

using model::RejectReason;
using test_support::MemoryFiles;
using tsdb_test::Contents;
using tsdb_test::labels_of;
using tsdb_test::Node;

constexpr int64_t kHour = 3'600'000;
constexpr int64_t kStart = 1'700'006'400'000 / (2 * kHour) * (2 * kHour);

uint64_t bits(double v) {
    return std::bit_cast<uint64_t>(v);
}

tsdb::TsdbOptions with_window(std::chrono::milliseconds window = std::chrono::hours(4)) {
    tsdb::TsdbOptions options = Node::defaults();
    options.out_of_order_time_window = window;
    return options;
}

// The reasons for which samples of one series are refused, by index.
std::map<uint32_t, RejectReason> refused(Node& node,
                                         const model::Labels& labels,
                                         const std::vector<std::pair<int64_t, double>>& points) {
    const auto report = node.append(labels, points);
    REQUIRE(report);
    CHECK(report.value().accepted + report.value().rejected.size() == points.size());
    std::map<uint32_t, RejectReason> reasons;
    for (const auto& rejected : report.value().rejected) {
        reasons[rejected.index] = rejected.reason;
    }
    return reasons;
}

double value_at(int series, int64_t t) {
    return static_cast<double>(t / 1000 % 1009 * (series + 1));
}

// What a database should hold: every sample once.
class Naive {
  public:
    void add(int series, int64_t t) { samples_[series][t] = bits(value_at(series, t)); }

    [[nodiscard]] Contents contents() const {
        Contents contents;
        for (const auto& [series, points] : samples_) {
            contents[name_of(series).to_series_string()] = {points.begin(), points.end()};
        }
        return contents;
    }

    static model::Labels name_of(int series) { return labels_of("late", std::to_string(series)); }

  private:
    std::map<int, std::map<int64_t, uint64_t>> samples_;
};

// Commits of some series with samples up to `window` before `newest`, in any order.
void append_late(Node& node,
                 Naive& naive,
                 base::SeededRandom& random,
                 int64_t newest,
                 int64_t window,
                 int commits) {
    for (int commit = 0; commit < commits; ++commit) {
        const int series = static_cast<int>(random.below(7));
        std::vector<std::pair<int64_t, double>> points;
        for (uint64_t i = 1 + random.below(90); i > 0; --i) {
            const int64_t t =
                newest - static_cast<int64_t>(random.below(static_cast<uint64_t>(window)));
            points.emplace_back(t, value_at(series, t));
            naive.add(series, t);
        }
        REQUIRE(refused(node, Naive::name_of(series), points).empty());
    }
}

void append_in_order(Node& node, Naive& naive, int64_t from, int64_t to, int64_t step) {
    for (int series = 0; series < 7; ++series) {
        std::vector<std::pair<int64_t, double>> points;
        for (int64_t t = from; t < to; t += step) {
            points.emplace_back(t, value_at(series, t));
            naive.add(series, t);
        }
        REQUIRE(refused(node, Naive::name_of(series), points).empty());
    }
}

uint64_t metric(Node& node, const std::string& name) {
    std::string text;
    node.registry().write_text(text);
    const size_t at = text.find("\n" + name + " ");
    REQUIRE(at != std::string::npos);
    return std::stoull(text.substr(at + name.size() + 2));
}

}  // namespace

TEST_CASE("a sample older than its series is taken within the window only", "[tsdb][late]") {
    MemoryFiles files;
    Node node(files, with_window(std::chrono::hours(1)));
    const auto labels = labels_of("up", "1");
    REQUIRE(refused(node, labels, {{kStart, 1}}).empty());
    const auto reasons = refused(node,
                                 labels,
                                 {{kStart - kHour, 2},
                                  {kStart - kHour - 1, 3},
                                  {kStart - 10, 4},
                                  {kStart - 10, 4},
                                  {kStart - 10, 5},
                                  {kStart, 1},
                                  {kStart, 2}});
    CHECK(reasons == std::map<uint32_t, RejectReason>{{1, RejectReason::kTooOld},
                                                      {4, RejectReason::kDuplicateTimestamp},
                                                      {6, RejectReason::kDuplicateTimestamp}});
    CHECK(refused(node, labels, {{kStart - 10, 4}, {kStart - 10, 6}}) ==
          std::map<uint32_t, RejectReason>{{1, RejectReason::kDuplicateTimestamp}});
    CHECK(node.contents() ==
          Contents{{labels.to_series_string(),
                    {{kStart - kHour, bits(2)}, {kStart - 10, bits(4)}, {kStart, bits(1)}}}});
    CHECK(node.db().time_range() == std::pair(kStart - kHour, kStart));
    CHECK(metric(node,
                 "prometheus_tsdb_head_out_of_order_samples_appended_total{type=\"float\"}") == 2);
    CHECK(metric(node, "prometheus_tsdb_too_old_samples_total{type=\"float\"}") == 1);
}

TEST_CASE("the window can be changed while the database runs", "[tsdb][late]") {
    MemoryFiles files;
    Node node(files);
    const auto labels = labels_of("up", "1");
    REQUIRE(refused(node, labels, {{kStart, 1}}).empty());
    CHECK(refused(node, labels, {{kStart - 1, 1}, {kStart - 2 * kHour, 1}}) ==
          std::map<uint32_t, RejectReason>{{0, RejectReason::kOutOfOrder},
                                           {1, RejectReason::kOutOfBounds}});
    CHECK(files.list("/data/wbl").error().code() == base::Code::kNotFound);
    node.db().set_out_of_order_window(std::chrono::hours(3));
    CHECK(refused(node, labels, {{kStart - 1, 1}, {kStart - 2 * kHour, 1}}).empty());
    node.db().set_out_of_order_window(std::chrono::milliseconds(0));
    CHECK(refused(node, labels, {{kStart - 3, 1}}) ==
          std::map<uint32_t, RejectReason>{{0, RejectReason::kOutOfOrder}});
    CHECK(node.contents().at(labels.to_series_string()).size() == 3);
    REQUIRE(node.db().cut_out_of_order());
    REQUIRE(node.db().blocks().size() == 1);
    CHECK(node.contents().at(labels.to_series_string()).size() == 3);
}

TEST_CASE("late samples are there after every kind of end", "[tsdb][late][property]") {
    const uint64_t seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    MemoryFiles files;
    Naive naive;
    tsdb::TsdbOptions options = with_window();
    options.wal_sync_interval = std::chrono::milliseconds(0);
    int64_t now = kStart;
    for (int life = 0; life < 8; ++life) {
        CAPTURE(life);
        options.wal_compression = static_cast<tsdb::WalCompression>(random.below(3));
        Node node(files, options);
        REQUIRE(node.contents() == naive.contents());
        CHECK(node.db().replay_report().damages.empty());
        append_in_order(node, naive, now, now + kHour / 2, 60'000);
        now += kHour / 2;
        append_late(node, naive, random, now - 60'000, 3 * kHour, 12);
        REQUIRE(node.contents() == naive.contents());
        if (random.below(2) == 0) {
            REQUIRE(node.db().cut_out_of_order());
            REQUIRE(node.contents() == naive.contents());
        }
        if (random.below(2) == 0) {
            files.power_cut();
        }
    }
}

TEST_CASE("late samples are cut with the head, and merged with its blocks", "[tsdb][late][cut]") {
    const uint64_t seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    MemoryFiles files;
    Naive naive;
    int64_t now = kStart;
    {
        Node node(files, with_window());
        for (int hour = 0; hour < 9; ++hour) {
            append_in_order(node, naive, now, now + kHour, 60'000);
            now += kHour;
            append_late(node, naive, random, now - 60'000, 3 * kHour, 15);
            REQUIRE(node.db().run_upkeep());
            REQUIRE(node.contents() == naive.contents());
        }
        const auto blocks = node.db().blocks();
        REQUIRE(blocks.size() >= 2);
        for (size_t i = 1; i < blocks.size(); ++i) {
            CHECK(blocks[i - 1].max_t <= blocks[i].min_t);
        }
    }
    Node node(files, with_window());
    CHECK(node.contents() == naive.contents());
    REQUIRE(node.db().cut_head(now));
    REQUIRE(node.db().cut_out_of_order());
    CHECK(node.contents() == naive.contents());
    const auto blocks = node.db().blocks();
    CHECK(std::ranges::any_of(blocks,
                              [](const auto& meta) { return meta.has_hint("from-out-of-order"); }));
    CHECK(node.db().memory().bytes(tsdb::HeadPart::kOutOfOrder) == 0);
    REQUIRE(node.db().run_upkeep());
    CHECK(node.contents() == naive.contents());
}

TEST_CASE("a cut lets the log of late samples go", "[tsdb][late][cut]") {
    MemoryFiles files;
    {
        Node node(files, with_window());
        REQUIRE(refused(node, labels_of("up", "1"), {{kStart, 1}, {kStart - 5, 2}}).empty());
        REQUIRE(node.db().cut_out_of_order());
        CHECK(files.list("/data/wbl").value().size() == 1);
        CHECK(node.db().blocks().size() == 1);
    }
    Node node(files, with_window());
    CHECK(node.db().memory().bytes(tsdb::HeadPart::kOutOfOrder) == 0);
    CHECK(node.contents().at(labels_of("up", "1").to_series_string()).size() == 2);
}

TEST_CASE("chunks of late samples that are in blocks are not taken over again",
          "[tsdb][late][cut]") {
    MemoryFiles files;
    std::vector<std::pair<int64_t, double>> points = {{kStart, 1}};
    for (int64_t i = 1; i <= 200; ++i) {
        points.emplace_back(kStart - i * 7, 1);
    }
    {
        Node node(files, with_window());
        REQUIRE(refused(node, labels_of("up", "1"), points).empty());
    }
    {
        Node node(files, with_window());
        CHECK(node.db().memory().bytes(tsdb::HeadPart::kOutOfOrder) > 0);
        CHECK(node.contents().at(labels_of("up", "1").to_series_string()).size() == 201);
        REQUIRE(node.db().cut_out_of_order());
    }
    Node node(files, with_window());
    CHECK(node.db().memory().bytes(tsdb::HeadPart::kOutOfOrder) == 0);
    CHECK(node.contents().at(labels_of("up", "1").to_series_string()).size() == 201);
}

TEST_CASE("a series that has late samples only stays until they are cut", "[tsdb][late][cut]") {
    MemoryFiles files;
    Node node(files, with_window(std::chrono::hours(12)));
    const auto now = labels_of("up", "now");
    const auto old = labels_of("up", "old");
    for (const int64_t hour : {1, 3, 5, 7}) {
        REQUIRE(refused(node, now, {{kStart + hour * kHour, 1}}).empty());
    }
    REQUIRE(refused(node, old, {{kStart, 1}}).empty());
    for (const int64_t hour : {2, 4}) {
        REQUIRE(node.db().cut_head(kStart + hour * kHour));
        CHECK(node.db().stats().series == 2);
        CHECK(node.contents().contains(old.to_series_string()));
    }
    REQUIRE(node.db().cut_out_of_order());
    REQUIRE(node.db().cut_head(kStart + 6 * kHour));
    CHECK(node.db().stats().series == 1);
    CHECK(node.contents().contains(old.to_series_string()));
}

TEST_CASE("chunk files with late samples outlive the samples in order", "[tsdb][late][cut]") {
    MemoryFiles files;
    Naive naive;
    base::SeededRandom random(5);
    int64_t now = kStart;
    Node node(files, with_window(std::chrono::hours(24)));
    append_in_order(node, naive, now, now + kHour, 60'000);
    now += kHour;
    append_late(node, naive, random, now - 60'000, 3 * kHour, 20);
    for (int i = 0; i < 6; ++i) {
        append_in_order(node, naive, now, now + kHour, 60'000);
        now += kHour;
        REQUIRE(node.db().cut_head(now - kHour / 2));
        REQUIRE(node.contents() == naive.contents());
    }
    REQUIRE(node.db().cut_out_of_order());
    CHECK(node.contents() == naive.contents());
}

TEST_CASE("late histograms are kept beside floats", "[tsdb][late]") {
    MemoryFiles files;
    const auto labels = labels_of("requests", "1");
    const auto histogram_of = [](uint64_t count) {
        auto histogram = std::make_shared<model::Histogram>();
        histogram->count = count;
        histogram->zero_count = count;
        histogram->sum = static_cast<double>(count);
        return histogram;
    };
    Contents want;
    for (const bool again : {false, true}) {
        Node node(files, with_window());
        if (again) {
            CHECK(node.contents() == want);
            REQUIRE(node.db().cut_out_of_order());
            CHECK(node.contents() == want);
            break;
        }
        const auto appender = node.db().appender(1);
        const auto handle = appender->resolve(labels, labels.hash(), nullptr).value();
        std::map<int64_t, uint64_t> points;
        for (int64_t i = 0; i < 80; ++i) {
            model::AppendBatch batch;
            const int64_t t = kStart + (i == 0 ? 1000 : i * 37 % 1000);
            if (i % 20 == 19) {
                batch.floats.push_back({.series = handle, .t = t, .v = 0.5});
                points[t] = bits(0.5);
            } else {
                batch.histograms.push_back(
                    {.series = handle, .t = t, .integer = histogram_of(static_cast<uint64_t>(i))});
                points[t] = bits(static_cast<double>(i));
            }
            const auto report = model::commit_and_wait(*appender, std::move(batch));
            REQUIRE(report);
            REQUIRE(report.value().accepted == 1);
        }
        want[labels.to_series_string()] = {points.begin(), points.end()};
        CHECK(node.contents() == want);
        CHECK(metric(
                  node,
                  "prometheus_tsdb_head_out_of_order_samples_appended_total{type=\"histogram\"}") ==
              75);
    }
}

TEST_CASE("a late stale marker of a series of histograms is a stale histogram", "[tsdb][late]") {
    MemoryFiles files;
    Node node(files, with_window());
    const auto labels = labels_of("requests", "1");
    const auto appender = node.db().appender(1);
    const auto handle = appender->resolve(labels, labels.hash(), nullptr).value();
    model::AppendBatch batch;
    batch.histograms.push_back(
        {.series = handle, .t = kStart, .integer = std::make_shared<const model::Histogram>()});
    REQUIRE(model::commit_and_wait(*appender, std::move(batch)));
    const auto report = node.append(labels, kStart - 1000, model::kStaleNan);
    REQUIRE(report);
    CHECK(report.value().accepted == 1);
    CHECK(metric(node,
                 "prometheus_tsdb_head_out_of_order_samples_appended_total{type=\"histogram\"}") ==
          1);
    CHECK(node.contents().at(labels.to_series_string()).front() ==
          std::pair(kStart - 1000, model::kStaleNanBits));
}

TEST_CASE("damage to the log of late samples costs what it touches", "[tsdb][late]") {
    MemoryFiles files;
    {
        Node node(files, with_window());
        REQUIRE(refused(node, labels_of("up", "1"), {{kStart, 1}}).empty());
        for (int64_t i = 1; i <= 2000; ++i) {
            REQUIRE(refused(node, labels_of("up", "1"), {{kStart - i, 1}}).empty());
        }
    }
    const bool of_log = GENERATE(true, false);
    const std::string path = of_log ? "/data/wbl/00000000" : "/data/chunks_head/000001";
    REQUIRE(files.content(path).size() > 2000);
    files.flip_bit(path, of_log ? 20000 : 1500, 3);
    Node node(files, with_window());
    const size_t left = node.contents().at(labels_of("up", "1").to_series_string()).size();
    if (of_log) {
        CHECK(left > 1900);
    } else {
        CHECK(left == 2001);
    }
}

TEST_CASE("late samples survive any failing write, sync or truncate", "[tsdb][late][property]") {
    const uint64_t seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    for (int round = 0; round < 8; ++round) {
        CAPTURE(round);
        MemoryFiles disk;
        std::set<int64_t> acknowledged;
        const auto labels = labels_of("up", "1");
        {
            test_support::FaultFiles files(disk);
            tsdb::TsdbOptions options = with_window();
            options.wal_sync_interval = std::chrono::milliseconds(random.below(2));
            Node node(files, options);
            REQUIRE(node.append(labels, kStart, 1));
            acknowledged.insert(kStart);
            files.fail_at(test_support::FileCall::kWrite,
                          1 + random.below(12),
                          {.code = base::Code::kIo, .bytes_written = random.below(40)});
            files.fail_at(test_support::FileCall::kSync, 1 + random.below(12));
            for (int64_t i = 1; i <= 100; ++i) {
                if (node.append(labels, kStart - i, 1)) {
                    acknowledged.insert(kStart - i);
                }
            }
            CHECK(acknowledged.size() > 90);
            CHECK(node.contents().at(labels.to_series_string()).size() >= acknowledged.size());
        }
        Node node(disk, with_window());
        std::set<int64_t> found;
        const Contents contents = node.contents();
        for (const auto& [t, value] : contents.at(labels.to_series_string())) {
            found.insert(t);
        }
        CHECK(std::ranges::includes(found, acknowledged));
    }
}

TEST_CASE("late samples are kept while the disk is full, and logged when it takes them again",
          "[tsdb][late]") {
    MemoryFiles files;
    const bool begun = GENERATE(false, true);  // the log of late samples is there before
    CAPTURE(begun);
    tsdb::TsdbOptions options = with_window();
    options.wal_sync_interval = std::chrono::milliseconds(0);
    Contents want;
    const auto append = [&](Node& node, const std::string& id, int64_t t) {
        const auto labels = labels_of("up", id);
        const auto report = node.append(labels, t, 1);
        REQUIRE(report);
        CHECK(report.value().accepted == 1);
        auto& points = want[labels.to_series_string()];
        points.insert(std::ranges::lower_bound(points, std::pair(t, bits(1))),
                      std::pair(t, bits(1)));
        return report.value().logged;
    };
    Node node(files, options);
    append(node, "1", kStart);
    if (begun) {
        append(node, "1", kStart - 1);
    }
    files.set_capacity(0);
    for (int64_t i = 2; i < 100; ++i) {
        CHECK_FALSE(append(node, "1", kStart - i));
    }
    // Of a series that the log does not know yet.
    CHECK_FALSE(append(node, "2", kStart - 1));
    CHECK(node.db().disk().has(tsdb::ReadonlyReason::kNoSpace));
    CHECK(node.contents() == want);
    files.set_capacity(UINT64_MAX);
    for (int64_t i = 1; !append(node, "1", kStart + i); ++i) {
        REQUIRE(i < 1000);
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    CHECK(append(node, "1", kStart - 100));
    CHECK(metric(node, "skein_wal_kept_bytes") == 0);
    files.power_cut();
    Node next(files, options);
    CHECK(next.db().replay_report().damages.empty());
    CHECK(next.contents() == want);
}

TEST_CASE("late samples can be asked for by labels", "[tsdb][late]") {
    MemoryFiles files;
    Node node(files, with_window(std::chrono::hours(12)));
    REQUIRE(refused(node, labels_of("up", "now"), {{kStart + 5 * kHour, 1}}).empty());
    REQUIRE(refused(node, labels_of("up", "old"), {{kStart, 1}}).empty());
    auto querier = node.db().querier(kStart - 1, kStart + 1);
    REQUIRE(querier);
    const std::vector<model::Matcher> up = {model::Matcher::equal("__name__", "up")};
    CHECK(querier.value()->label_values("id", {}, up, {}).value() ==
          std::vector<std::string>{"old"});
    CHECK(querier.value()->label_names({}, {}, {}).value() ==
          std::vector<std::string>{"__name__", "id", "instance", "job"});
    CHECK(node.contents({.min_t = kStart - 1, .max_t = kStart + 1}).size() == 1);
}

TEST_CASE("promtool reads blocks of late samples", "[tsdb][late][interop]") {
    if (test::run_command("command -v promtool").exit_code != 0) {
        SKEIN_SKIP("promtool is absent: apt-get install prometheus");
    }
    const test_support::TempFolder folder;
    const auto files = base::make_posix_files();
    tsdb::TsdbOptions options = with_window();
    options.path = folder.path();
    Naive naive;
    {
        Node node(*files, options);
        base::SeededRandom random(11);
        append_in_order(node, naive, kStart, kStart + kHour, 60'000);
        append_late(node, naive, random, kStart + kHour - 60'000, 3 * kHour, 20);
        REQUIRE(node.db().cut_out_of_order());
        REQUIRE(node.db().cut_head(kStart + 2 * kHour));
        CHECK(node.contents() == naive.contents());
    }
    size_t want = 0;
    for (const auto& [series, points] : naive.contents()) {
        want += points.size();
    }
    const auto outcome =
        test::run_command("promtool tsdb dump '" + folder.path() + "' 2>/dev/null");
    CHECK(outcome.exit_code == 0);
    CHECK(test::lines_of(outcome.output).size() == want);
}

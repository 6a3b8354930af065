// Deleted samples: gone for readers at once, for good after restarts, cuts and cleaning.
#include "tsdb/deletion.h"

#include "base/random.h"
#include "test/support/seed.h"
#include "test/tsdb/db_fixture.h"

namespace {

using model::Matcher;
using test_support::MemoryFiles;
using tsdb_test::Contents;
using tsdb_test::labels_of;
using tsdb_test::Node;

constexpr int64_t kHour = 3'600'000;
constexpr int64_t kMinute = 60'000;
constexpr int64_t kStart = 1'700'006'400'000 / (2 * kHour) * (2 * kHour);

using Matchers = std::vector<Matcher>;

Matchers by_id(const std::string& expression) {
    return {Matcher::create(model::MatchType::kRegex, "id", expression).value()};
}

// What is stored, and what should be.
struct Expected {
    Contents contents;

    void append(Node& node, const std::string& id, int64_t from, int64_t end, int64_t step) {
        const auto labels = labels_of("deleted", id);
        std::vector<std::pair<int64_t, double>> points;
        for (int64_t t = from; t < end; t += step) {
            const auto v = static_cast<double>(t / step % 89);
            points.emplace_back(t, v);
            contents[labels.to_series_string()].emplace_back(t, std::bit_cast<uint64_t>(v));
        }
        REQUIRE(node.append(labels, points));
    }

    void erase(const std::string& id, int64_t min_t, int64_t max_t) {
        const auto found = contents.find(labels_of("deleted", id).to_series_string());
        if (found == contents.end()) {
            return;
        }
        std::erase_if(found->second, [&](const auto& point) {
            return point.first >= min_t && point.first <= max_t;
        });
        if (found->second.empty()) {
            contents.erase(found);
        }
    }

    // Every hour in turns, so that no series runs ahead of what the head still takes.
    void fill(Node& node, int series, int64_t begin, int64_t end, int64_t step) {
        for (int64_t from = begin; from < end; from += kHour / 4) {
            for (int i = 0; i < series; ++i) {
                append(node, std::to_string(i), from, std::min(end, from + kHour / 4), step);
            }
        }
    }
};

uint64_t stones_of(Node& node) {
    uint64_t stones = 0;
    for (const auto& meta : node.db().blocks()) {
        stones += meta.stats.tombstones;
    }
    return stones;
}

}  // namespace

TEST_CASE("db forgets what is deleted, in blocks and in the head, also after restarts",
          "[tsdb][delete]") {
    MemoryFiles files;
    Expected want;
    {
        Node node(files);
        want.fill(node, 5, kStart, kStart + 7 * kHour, 15000);
        REQUIRE(node.db().run_upkeep());
        REQUIRE(node.db().blocks().size() == 2);
        REQUIRE(node.db().delete_series(kStart + kHour, kStart + 6 * kHour, by_id("1|3")));
        want.erase("1", kStart + kHour, kStart + 6 * kHour);
        want.erase("3", kStart + kHour, kStart + 6 * kHour);
        CHECK(node.contents() == want.contents);
        CHECK(stones_of(node) == 4);
    }
    Node node(files);
    CHECK(node.contents() == want.contents);
    CHECK(node.db().replay_report().tombstones == 2);
    CHECK(stones_of(node) == 4);
    REQUIRE(node.db().clean_tombstones());
    CHECK(node.contents() == want.contents);
    CHECK(stones_of(node) == 0);
    CHECK(node.db().blocks().size() == 2);
    REQUIRE(node.db().cut_head(kStart + 7 * kHour));
    CHECK(node.contents() == want.contents);
    CHECK(node.db().blocks().size() == 3);
}

TEST_CASE("what comes after a deletion stays", "[tsdb][delete]") {
    MemoryFiles files;
    Expected want;
    {
        Node node(files);
        want.append(node, "1", kStart, kStart + 10 * kMinute, 1000);
        REQUIRE(node.db().delete_series(model::kMinTime, model::kMaxTime, by_id(".*")));
        CHECK(node.contents().empty());
        want.erase("1", INT64_MIN, INT64_MAX);
        want.append(node, "1", kStart + 10 * kMinute, kStart + 20 * kMinute, 1000);
        CHECK(node.contents() == want.contents);
        REQUIRE(node.db().delete_series(0, kStart + 15 * kMinute, {}));
        want.erase("1", 0, kStart + 15 * kMinute);
        CHECK(node.contents() == want.contents);
    }
    Node node(files);
    CHECK(node.contents() == want.contents);
    REQUIRE(node.db().cut_head(kStart + 2 * kHour));
    CHECK(node.contents() == want.contents);
    CHECK(node.db().blocks()[0].stats.samples == 299);
}

TEST_CASE("a deletion that meets nothing writes nothing", "[tsdb][delete]") {
    MemoryFiles files;
    Node node(files);
    Expected want;
    want.fill(node, 2, kStart, kStart + 7 * kHour, kMinute);
    REQUIRE(node.db().run_upkeep());
    REQUIRE(node.db().delete_series(kStart, kStart + kHour, by_id("nobody")));
    REQUIRE(node.db().delete_series(0, kStart - 1, {}));
    REQUIRE(node.db().delete_series(kStart + 100 * kHour, INT64_MAX, {}));
    CHECK(stones_of(node) == 0);
    CHECK(node.contents() == want.contents);
}

TEST_CASE("series without samples are not listed", "[tsdb][delete]") {
    MemoryFiles files;
    Node node(files);
    Expected want;
    want.fill(node, 3, kStart, kStart + kHour, kMinute);
    REQUIRE(node.db().delete_series(kStart, kStart + kHour, by_id("1")));
    auto querier = node.db().querier(kStart, kStart + kHour);
    REQUIRE(querier);
    auto set = querier.value()->select({.skip_chunks = true}, {}, {});
    REQUIRE(set);
    model::SeriesBatch batch;
    REQUIRE(set.value()->next(batch).value());
    CHECK(batch.series.size() == 2);
}

TEST_CASE("a block of which everything is deleted goes when tombstones are cleaned",
          "[tsdb][delete]") {
    MemoryFiles files;
    Node node(files);
    Expected want;
    want.fill(node, 2, kStart, kStart + 5 * kHour, kMinute);
    REQUIRE(node.db().run_upkeep());
    REQUIRE(node.db().blocks().size() == 1);
    REQUIRE(node.db().delete_series(kStart, kStart + 2 * kHour - 1, {}));
    for (const char* const id : {"0", "1"}) {
        want.erase(id, kStart, kStart + 2 * kHour - 1);
    }
    CHECK(node.contents() == want.contents);
    REQUIRE(node.db().clean_tombstones());
    CHECK(node.db().blocks().empty());
    CHECK(node.contents() == want.contents);
}

TEST_CASE("deletions in the head outlive checkpoints", "[tsdb][delete]") {
    MemoryFiles files;
    Expected want;
    {
        Node node(files);
        want.fill(node, 3, kStart, kStart + 3 * kHour, kMinute);
        REQUIRE(node.db().delete_series(kStart + 2 * kHour, kStart + 150 * kMinute, by_id("2")));
        want.erase("2", kStart + 2 * kHour, kStart + 150 * kMinute);
    }
    for (int64_t restart = 0; restart < 6; ++restart) {
        CAPTURE(restart);
        Node node(files);
        CHECK(node.contents() == want.contents);
        CHECK(node.db().replay_report().tombstones == 1);
        REQUIRE(node.db().cut_head(kStart + (restart + 1) * 20 * kMinute));
    }
    const auto log = files.list("/data/wal");
    REQUIRE(log);
    CHECK(std::ranges::any_of(log.value(), [](const base::FolderEntry& entry) {
        return entry.name.starts_with("checkpoint.");
    }));
}

TEST_CASE("db answers like a list of samples from which deletions are taken out",
          "[tsdb][delete][property]") {
    const uint64_t seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    MemoryFiles files;
    Expected want;
    auto node = std::make_unique<Node>(files);
    constexpr int kSeries = 6;
    int64_t now = kStart;
    for (int step = 0; step < 60; ++step) {
        CAPTURE(step);
        switch (random.below(6)) {
            case 0:
            case 1:
            case 2: {
                const int64_t end = now + kMinute * static_cast<int64_t>(1 + random.below(90));
                want.fill(*node, kSeries, now, end, 15000 + 1000 * (step % 7));
                now = end;
                break;
            }
            case 3: {
                const auto span = static_cast<uint64_t>(now - kStart + 2 * kHour);
                const int64_t a = kStart - kHour + static_cast<int64_t>(random.below(span));
                const int64_t b = a + static_cast<int64_t>(random.below(span / 2));
                const std::string id = std::to_string(random.below(kSeries));
                REQUIRE(node->db().delete_series(a, b, by_id(id)));
                want.erase(id, a, b);
                break;
            }
            case 4:
                REQUIRE((random.below(3) == 0 ? node->db().clean_tombstones()
                                              : node->db().run_upkeep()));
                break;
            default:
                node.reset();
                node = std::make_unique<Node>(files);
        }
        REQUIRE(node->contents() == want.contents);
    }
}

TEST_CASE("stretches of the head's series are joined, found, counted and forgotten",
          "[tsdb][delete]") {
    base::Budget budget("test");
    tsdb::HeadMemory memory(budget);
    {
        tsdb::HeadTombstones tombstones(memory);
        CHECK(tombstones.current() == nullptr);
        tombstones.add({{.ref = 7, .min_t = 10, .max_t = 19}, {.ref = 3, .min_t = 5, .max_t = 5}});
        const auto before = tombstones.current();
        tombstones.add(
            {{.ref = 7, .min_t = 20, .max_t = 30}, {.ref = 7, .min_t = 40, .max_t = 50}});
        const auto now = tombstones.current();
        CHECK(before->of(7).size() == 1);
        REQUIRE(now->of(7).size() == 2);
        CHECK(now->of(7)[0] == tsdb::block::Interval{10, 30});
        CHECK(now->of(7)[1] == tsdb::block::Interval{40, 50});
        CHECK(now->of(3).size() == 1);
        CHECK(now->of(4).empty());
        CHECK(now->of(8).empty());
        CHECK(budget.used() == now->bytes());
        tombstones.truncate_before(31);
        CHECK(tombstones.current()->of(3).empty());
        CHECK(tombstones.current()->of(7).size() == 1);
        tombstones.truncate_before(51);
        CHECK(tombstones.current() == nullptr);
        CHECK(budget.used() == 0);
        tombstones.add({{.ref = 1, .min_t = INT64_MIN, .max_t = INT64_MAX - 1},
                        {.ref = 1, .min_t = 0, .max_t = INT64_MAX}});
        CHECK(tombstones.current()->of(1)[0] == tsdb::block::Interval{INT64_MIN, INT64_MAX});
    }
    CHECK(budget.used() == 0);
}

TEST_CASE("deleted samples stay deleted when the head was cut within their chunk",
          "[tsdb][delete]") {
    MemoryFiles files;
    Expected want;
    Node node(files);
    want.append(node, "1", kStart, kStart + 10 * kMinute, 15000);
    // The open chunk holds samples of both sides.
    REQUIRE(node.db().cut_head(kStart + 5 * kMinute));
    REQUIRE(node.db().delete_series(kStart, kStart + 20 * kMinute, by_id("1")));
    want.erase("1", kStart, kStart + 20 * kMinute);
    CHECK(node.contents() == want.contents);
    want.append(node, "1", kStart + 10 * kMinute, kStart + 12 * kMinute, 15000);
    CHECK(node.contents() == want.contents);
}

TEST_CASE("a restart brings nothing back when every block went with what was deleted",
          "[tsdb][delete]") {
    MemoryFiles files;
    Expected want;
    {
        Node node(files);
        want.append(node, "1", kStart, kStart + kHour, 15000);
        REQUIRE(node.db().cut_head(kStart + kHour));
        REQUIRE(node.db().delete_series(model::kMinTime, model::kMaxTime, by_id(".*")));
        REQUIRE(node.db().clean_tombstones());
        CHECK(node.db().blocks().empty());
        CHECK(node.contents().empty());
    }
    Node node(files);
    CHECK(node.contents().empty());
}

TEST_CASE("a restart brings nothing back when all that was cut had been deleted",
          "[tsdb][delete]") {
    MemoryFiles files;
    Expected want;
    {
        Node node(files);
        want.append(node, "1", kStart, kStart + kHour, 15000);
        REQUIRE(node.db().delete_series(model::kMinTime, model::kMaxTime, by_id(".*")));
        REQUIRE(node.db().cut_head(kStart + kHour));
        CHECK(node.db().blocks().empty());
    }
    Node node(files);
    CHECK(node.contents().empty());
}

TEST_CASE("late samples are deleted as all others", "[tsdb][delete][late]") {
    MemoryFiles files;
    tsdb::TsdbOptions options = Node::defaults();
    options.out_of_order_time_window = std::chrono::hours(2);
    Expected want;
    {
        Node node(files, options);
        want.append(node, "1", kStart + kHour, kStart + kHour + kMinute, 15000);
        const auto labels = labels_of("deleted", "1");
        REQUIRE(node.append(labels, {{kStart, 1}, {kStart + kMinute, 2}}));
        REQUIRE(node.db().delete_series(kStart, kStart, by_id("1")));
        auto& points = want.contents[labels.to_series_string()];
        points.insert(points.begin(), {kStart + kMinute, std::bit_cast<uint64_t>(2.0)});
        CHECK(node.contents() == want.contents);
    }
    Node node(files, options);
    CHECK(node.contents() == want.contents);
}

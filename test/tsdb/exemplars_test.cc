#include "tsdb/exemplars.h"

#include <deque>

#include "base/random.h"
#include "test/support/fault_files.h"
#include "test/support/seed.h"
#include "test/tsdb/db_fixture.h"

namespace {

using model::Exemplar;
using test_support::MemoryFiles;
using tsdb::ExemplarRing;
using tsdb::ExemplarVerdict;
using tsdb_test::labels_of;
using tsdb_test::Node;

constexpr int64_t kNow = 1'700'000'000'000;

Exemplar exemplar(int64_t t, double v, const std::string& trace = "t") {
    return {.t = t, .v = v, .labels = model::Labels{{"trace_id", trace}}};
}

struct Fixture {
    explicit Fixture(uint64_t capacity) { ring.set_capacity(capacity); }

    ExemplarVerdict add(uint64_t ref, Exemplar one) {
        const ExemplarVerdict verdict = ring.examine(ref, one);
        return verdict == ExemplarVerdict::kAdded
                   ? ring.add(ref, static_cast<uint32_t>(ref), std::move(one))
                   : verdict;
    }

    std::vector<int64_t> times(uint64_t ref) const {
        std::vector<int64_t> out;
        for (const Exemplar& one : ring.read(ref, INT64_MIN, INT64_MAX)) {
            out.push_back(one.t);
        }
        return out;
    }

    base::Budget budget{"test"};
    tsdb::HeadMemory memory{budget};
    ExemplarRing ring{memory};
};

using Times = std::vector<int64_t>;

tsdb::TsdbOptions with_exemplars() {
    tsdb::TsdbOptions options = Node::defaults();
    options.exemplars_max = 100;
    return options;
}

// One sample and its exemplar.
base::Result<model::CommitReport> append(Node& node,
                                         const model::Labels& labels,
                                         const Exemplar& one) {
    const auto appender = node.db().appender(model::origin_of(labels));
    TRY(const auto series, appender->resolve(labels, labels.hash(), nullptr));
    model::AppendBatch batch;
    batch.floats.push_back({.series = series, .t = one.t, .v = 1});
    batch.exemplars.push_back({.series = series, .exemplar = one});
    return model::commit_and_wait(*appender, std::move(batch));
}

model::Matcher is(const std::string& name, const std::string& value) {
    return model::Matcher::create(model::MatchType::kEqual, name, value).value();
}

std::vector<model::SeriesExemplars> all_of(Node& node,
                                           const std::string& metric,
                                           int64_t min_t = INT64_MIN,
                                           int64_t max_t = INT64_MAX) {
    const std::vector<std::vector<model::Matcher>> groups = {{is("__name__", metric)}};
    return node.db().exemplars(groups, min_t, max_t, {}).value();
}

}  // namespace

TEST_CASE("a new exemplar takes the place of the oldest one", "[tsdb][exemplars]") {
    Fixture f(3);
    for (int64_t t = 1; t <= 5; ++t) {
        CHECK(f.add(static_cast<uint64_t>(1 + t % 2), exemplar(t, 1)) == ExemplarVerdict::kAdded);
    }
    CHECK(f.times(1) == Times{4});
    CHECK(f.times(2) == Times{3, 5});
    CHECK(f.ring.stats().stored == 3);
    CHECK(f.ring.stats().series == 2);
    CHECK(f.ring.stats().added == 5);
    CHECK(f.ring.stats().oldest_t == 3);
}

TEST_CASE("an exemplar like the last one is not stored again, an older one is refused",
          "[tsdb][exemplars]") {
    Fixture f(10);
    CHECK(f.add(1, exemplar(5, 2)) == ExemplarVerdict::kAdded);
    CHECK(f.add(1, exemplar(5, 2)) == ExemplarVerdict::kDuplicate);
    CHECK(f.add(1, exemplar(4, 2)) == ExemplarVerdict::kOutOfOrder);
    CHECK(f.add(1, exemplar(5, 1)) == ExemplarVerdict::kOutOfOrder);
    CHECK(f.add(1, exemplar(5, 2, "a")) == ExemplarVerdict::kOutOfOrder);
    CHECK(f.add(1, exemplar(5, 2, "z")) == ExemplarVerdict::kAdded);
    CHECK(f.add(1, exemplar(5, 3)) == ExemplarVerdict::kAdded);
    CHECK(f.add(2, exemplar(4, 2)) == ExemplarVerdict::kAdded);
    CHECK(f.ring.stats().out_of_order == 3);
}

TEST_CASE("a late exemplar finds its place inside the out-of-order window", "[tsdb][exemplars]") {
    Fixture f(4);
    f.ring.set_out_of_order_window(10);
    for (const int64_t t : {10, 30, 21}) {
        CHECK(f.add(1, exemplar(t, 1)) == ExemplarVerdict::kAdded);
    }
    CHECK(f.add(1, exemplar(20, 1)) == ExemplarVerdict::kOutOfOrder);
    CHECK(f.times(1) == Times{10, 21, 30});
    CHECK(f.add(1, exemplar(25, 1)) == ExemplarVerdict::kAdded);
    CHECK(f.add(1, exemplar(31, 1)) == ExemplarVerdict::kAdded);
    CHECK(f.times(1) == Times{21, 25, 30, 31});
}

TEST_CASE("labels of an exemplar have at most 128 characters", "[tsdb][exemplars]") {
    Fixture f(10);
    const std::string longest(128 - 8, 'x');
    CHECK(f.add(1, exemplar(1, 1, longest)) == ExemplarVerdict::kAdded);
    CHECK(f.add(1, exemplar(2, 1, longest + "x")) == ExemplarVerdict::kLabelsTooLong);
    std::string umlauts;
    for (int i = 0; i < 128 - 8; ++i) {
        umlauts += "ä";
    }
    CHECK(f.add(1, exemplar(3, 1, umlauts)) == ExemplarVerdict::kAdded);
    CHECK(f.ring.stats().too_long == 1);
}

TEST_CASE("a smaller ring keeps the newest exemplars, a larger one all", "[tsdb][exemplars]") {
    Fixture f(5);
    for (int64_t t = 1; t <= 7; ++t) {
        CHECK(f.add(1, exemplar(t, 1)) == ExemplarVerdict::kAdded);
    }
    f.ring.set_capacity(9);
    CHECK(f.times(1) == Times{3, 4, 5, 6, 7});
    f.ring.set_capacity(2);
    CHECK(f.times(1) == Times{6, 7});
    CHECK(f.add(1, exemplar(8, 1)) == ExemplarVerdict::kAdded);
    CHECK(f.times(1) == Times{7, 8});
    CHECK(f.ring.stats().added == 8);
    f.ring.set_capacity(0);
    CHECK(f.times(1).empty());
    CHECK(f.add(1, exemplar(9, 1)) == ExemplarVerdict::kNoRoom);
    CHECK(f.memory.total() == 0);
}

TEST_CASE("a ring does not grow beyond the memory there is", "[tsdb][exemplars]") {
    Fixture f(1'000'000);
    f.budget.set_limit(100'000);
    for (int64_t t = 1; t <= 10'000; ++t) {
        CHECK(f.add(static_cast<uint64_t>(t % 7 + 1), exemplar(t, 1)) == ExemplarVerdict::kAdded);
    }
    CHECK(f.ring.stats().stored > 100);
    CHECK(f.memory.bytes(tsdb::HeadPart::kExemplars) < 150'000);
    CHECK(f.times(10'000 % 7 + 1).back() == 10'000);
    f.budget.set_limit(base::Budget::kUnlimited);
    const uint64_t before = f.ring.stats().stored;
    for (int64_t t = 10'001; t <= 20'000; ++t) {
        CHECK(f.add(1, exemplar(t, 1)) == ExemplarVerdict::kAdded);
    }
    CHECK(f.ring.stats().stored > before);
    f.ring.set_capacity(0);
    CHECK(f.memory.total() == 0);
}

TEST_CASE("a ring does what a plain list of exemplars would", "[tsdb][exemplars]") {
    const uint64_t seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);

    struct Kept {
        uint64_t ref;
        Exemplar one;
    };

    std::deque<Kept> list;  // the oldest first
    size_t capacity = 20;
    Fixture f(capacity);
    for (int round = 0; round < 20'000; ++round) {
        const uint64_t ref = 1 + random.below(6);
        if (random.below(50) == 0) {
            const uint64_t gone[] = {ref};
            f.ring.drop(gone);
            std::erase_if(list, [&](const Kept& kept) { return kept.ref == ref; });
            // The places of those that went stay empty until they come round, or a new size
            // closes the gaps.
            capacity = 1 + random.below(40);
            f.ring.set_capacity(100);
            f.ring.set_capacity(capacity);
            while (list.size() > capacity) {
                list.pop_front();
            }
        }
        const Exemplar one = exemplar(round, static_cast<double>(random.below(3)));
        REQUIRE(f.add(ref, one) == ExemplarVerdict::kAdded);
        list.push_back({ref, one});
        while (list.size() > capacity) {
            list.pop_front();
        }
        REQUIRE(f.ring.stats().stored == list.size());
        std::vector<Exemplar> want;
        for (const Kept& kept : list) {
            if (kept.ref == ref) {
                want.push_back(kept.one);
            }
        }
        REQUIRE(f.ring.read(ref, INT64_MIN, INT64_MAX) == want);
    }
}

TEST_CASE("exemplars are found by the labels of their series, also after a crash",
          "[tsdb][exemplars]") {
    MemoryFiles files;
    const auto a = labels_of("requests", "1");
    const auto b = labels_of("requests", "2");
    const auto c = labels_of("others", "1");
    const auto check = [&](Node& node) {
        const auto found = all_of(node, "requests");
        REQUIRE(found.size() == 2);
        CHECK(found[0].series == a);
        CHECK(found[0].exemplars == std::vector{exemplar(kNow, 1, "x"), exemplar(kNow + 1, 2)});
        CHECK(found[1].series == b);
        CHECK(found[1].exemplars == std::vector{exemplar(kNow, 3)});
        CHECK(all_of(node, "others").size() == 1);
        CHECK(all_of(node, "nothing").empty());
        CHECK(all_of(node, "requests", kNow + 1).size() == 1);
        CHECK(all_of(node, "requests", INT64_MIN, kNow - 1).empty());
    };
    {
        Node node(files, with_exemplars());
        REQUIRE(append(node, a, exemplar(kNow, 1, "x")));
        REQUIRE(append(node, a, exemplar(kNow + 1, 2)));
        REQUIRE(append(node, b, exemplar(kNow, 3)));
        REQUIRE(append(node, c, exemplar(kNow, 4)));
        const auto late = append(node, a, exemplar(kNow, 9));
        REQUIRE(late);
        CHECK(late.value().exemplars_out_of_order == 1);
        check(node);
    }
    for (int start = 0; start < 2; ++start) {
        Node node(files, with_exemplars());
        CHECK(node.db().replay_report().exemplars == 4);
        CHECK(node.db().replay_report().not_kept() == 0);
        check(node);
    }
    Node off(files);
    CHECK(all_of(off, "requests").empty());
    off.db().set_exemplars_max(10);
    REQUIRE(append(off, a, exemplar(kNow + 2, 5)));
    CHECK(all_of(off, "requests").size() == 1);
}

TEST_CASE("the exemplars of a series go with it", "[tsdb][exemplars]") {
    MemoryFiles files;
    constexpr int64_t kHour = 3'600'000;
    const auto gone = labels_of("gone", "1");
    const auto stays = labels_of("stays", "1");
    Node node(files, with_exemplars());
    REQUIRE(append(node, gone, exemplar(kNow, 1)));
    REQUIRE(append(node, stays, exemplar(kNow, 1)));
    for (int64_t hour = 1; hour <= 6; ++hour) {
        REQUIRE(append(node, stays, exemplar(kNow + hour * kHour, 1)));
    }
    // A series is looked at twice: it may have been made just before a sweep.
    REQUIRE(node.db().cut_head(kNow + 2 * kHour));
    REQUIRE(node.db().cut_head(kNow + 4 * kHour));
    CHECK(all_of(node, "gone").empty());
    CHECK(all_of(node, "stays").front().exemplars.size() == 7);
    CHECK(node.db().memory().bytes(tsdb::HeadPart::kExemplars) > 0);
}

TEST_CASE("exemplars outlive a checkpoint as far as the head reaches", "[tsdb][exemplars]") {
    MemoryFiles files;
    constexpr int64_t kHour = 3'600'000;
    const auto labels = labels_of("stays", "1");
    {
        Node node(files, with_exemplars());
        for (int64_t hour = 0; hour <= 8; ++hour) {
            REQUIRE(append(node, labels, exemplar(kNow + hour * kHour, 1)));
        }
        for (int64_t hour = 2; hour <= 6; hour += 2) {
            REQUIRE(node.db().cut_head(kNow + hour * kHour));
        }
    }
    Node node(files, with_exemplars());
    const auto found = all_of(node, "stays");
    REQUIRE(found.size() == 1);
    CHECK(found.front().exemplars.front().t >= kNow + 6 * kHour);
    CHECK(found.front().exemplars.back().t == kNow + 8 * kHour);
}

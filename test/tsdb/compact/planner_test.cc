#include "tsdb/compact/planner.h"

#include <cstdint>
#include <limits>
#include <map>
#include <set>
#include <vector>

#include <catch2/catch.hpp>

#include "test/support/seed.h"
#include "test/tsdb/compact/planned_blocks.h"

using namespace test_support;  // NOLINT(google-build-using-namespace)
using tsdb::Plan;
using tsdb::plan_compaction;
using tsdb::PlannedBlock;
using tsdb::block::kHintOutOfOrder;
using tsdb::block::kHintSelectedSeries;
using tsdb::block::kHintStaleSeries;

namespace {

using Numbers = std::vector<unsigned>;
using Blocks = std::vector<PlannedBlock>;

const std::vector<int64_t> kRanges{20, 60, 180, 540, 1620};

void check(const Blocks& blocks, const Numbers& want) {
    const Plan plan = plan_compaction(blocks, kRanges, {});
    CHECK(numbers(plan.blocks) == want);
    CHECK_FALSE(plan.overlapping);
}

void check_overlap(const Blocks& blocks, const Numbers& want) {
    const Plan plan = plan_compaction(blocks, kRanges, {});
    CHECK(numbers(plan.blocks) == want);
    CHECK(plan.overlapping);
}

}  // namespace

TEST_CASE("block ranges triple up to the widest allowed", "[tsdb][compact]") {
    constexpr int64_t kHour = 3'600'000;
    const auto ranges = [](int64_t min_hours, int64_t max_hours) {
        std::vector<int64_t> out = tsdb::block_ranges(min_hours * kHour, max_hours * kHour);
        for (int64_t& range : out) {
            range /= kHour;
        }
        return out;
    };
    CHECK(ranges(2, 31 * 24) == std::vector<int64_t>{2, 6, 18, 54, 162, 486});
    CHECK(ranges(2, 36) == std::vector<int64_t>{2, 6, 18});
    CHECK(ranges(2, 18) == std::vector<int64_t>{2, 6, 18});
    CHECK(ranges(2, 17) == std::vector<int64_t>{2, 6});
    CHECK(ranges(2, 2) == std::vector<int64_t>{2});
    CHECK(ranges(2, 1) == std::vector<int64_t>{2});
    CHECK(tsdb::block_ranges(1, std::numeric_limits<int64_t>::max()).size() ==
          tsdb::kBlockRangesMax);
}

TEST_CASE("planner waits until a range is full or passed by", "[tsdb][compact]") {
    check({}, {});
    check({planned(1, 0, 20)}, {});
    check({planned(1, 0, 20), planned(2, 20, 40)}, {});
    // Full, but the third is the newest.
    check({planned(1, 0, 20), planned(2, 20, 40), planned(3, 40, 60)}, {});
    check({planned(1, 0, 20), planned(2, 20, 40), planned(3, 40, 60), planned(4, 60, 80)},
          {1, 2, 3});
    // A gap that nothing fills any more, once a block beyond it is not the newest.
    check({planned(1, 0, 20), planned(2, 20, 40), planned(3, 60, 80)}, {});
    check({planned(1, 0, 20), planned(2, 20, 40), planned(3, 60, 80), planned(4, 80, 100)}, {1, 2});
    // A gap in the middle of a full range.
    check({planned(1, 0, 20), planned(2, 40, 60), planned(3, 60, 80)}, {1, 2});
    // One block alone is no group.
    check({planned(1, 0, 20), planned(2, 60, 80), planned(3, 120, 140), planned(4, 180, 200)}, {});
}

TEST_CASE("planner takes small ranges first and goes on to wider ones", "[tsdb][compact]") {
    check({planned(1, 0, 20),
           planned(2, 20, 40),
           planned(3, 40, 60),
           planned(4, 60, 120),
           planned(5, 120, 180)},
          {1, 2, 3});
    check({planned(6, 0, 60), planned(4, 60, 120), planned(5, 120, 180), planned(7, 180, 200)},
          {6, 4, 5});
    check({planned(2, 20, 40),
           planned(4, 60, 120),
           planned(5, 960, 980),
           planned(6, 120, 180),
           planned(7, 720, 960)},
          {2, 4, 6});
}

TEST_CASE("planner aligns ranges to their width, before 1970 too", "[tsdb][compact]") {
    check({planned(1, -60, -40), planned(2, -40, -20), planned(3, -20, 0), planned(4, 0, 20)},
          {1, 2, 3});
    // Two of one range and one of the next.
    check({planned(1, -40, -20), planned(2, -20, 0), planned(3, 0, 20), planned(4, 20, 40)},
          {1, 2});
    check({planned(1, 40, 60), planned(2, 60, 80), planned(3, 80, 100), planned(4, 100, 120)}, {});
}

TEST_CASE("planner leaves a block that crosses a border of ranges alone", "[tsdb][compact]") {
    check({planned(1, 50, 70),
           planned(2, 70, 90),
           planned(3, 90, 110),
           planned(4, 120, 140),
           planned(5, 140, 160)},
          {2, 3});
    check({planned(1, 0, 360), planned(6, 540, 560), planned(7, 360, 420), planned(8, 420, 540)},
          {7, 8});
}

TEST_CASE("planner knows the newest block by its time, not by its name", "[tsdb][compact]") {
    check({planned(9, 0, 20), planned(8, 20, 40), planned(7, 40, 60), planned(1, 60, 80)},
          {9, 8, 7});
}

TEST_CASE("planner never chooses a range with a block whose compaction failed", "[tsdb][compact]") {
    check({planned(1, 0, 20), failed(planned(2, 20, 40)), planned(3, 40, 60), planned(4, 60, 80)},
          {});
    // The next range is not held up.
    check({planned(1, 0, 20),
           failed(planned(2, 20, 40)),
           planned(3, 40, 60),
           planned(4, 60, 80),
           planned(5, 80, 100),
           planned(6, 100, 120),
           planned(7, 120, 140)},
          {4, 5, 6});
}

TEST_CASE("planner merges the first chain of overlapping blocks before all else",
          "[tsdb][compact]") {
    check_overlap({planned(1, 0, 20), planned(2, 19, 40), planned(3, 40, 60)}, {1, 2});
    check_overlap({planned(1, 0, 20), planned(2, 20, 40), planned(3, 30, 50)}, {2, 3});
    check_overlap({planned(1, 0, 20), planned(2, 10, 40), planned(3, 30, 50)}, {1, 2, 3});
    // The wide one holds the chain together.
    check_overlap(
        {planned(5, 0, 360), planned(6, 340, 560), planned(7, 360, 420), planned(8, 420, 540)},
        {5, 6, 7, 8});
    check_overlap({planned(1, 0, 10), planned(2, 9, 20), planned(3, 30, 40), planned(4, 39, 50)},
                  {1, 2});
    // The newest takes part.
    check_overlap({planned(1, 0, 20), planned(2, 0, 20)}, {1, 2});
    check_overlap({planned(1, 0, 20), with_hint(planned(2, 0, 20), kHintOutOfOrder)}, {1, 2});
    // Failed before: overlaps are tried again.
    check_overlap({failed(planned(1, 0, 20)), failed(planned(2, 10, 30))}, {1, 2});
}

TEST_CASE("planner rewrites wide blocks of which more than a twentieth is deleted",
          "[tsdb][compact]") {
    const PlannedBlock newest = planned(9, 600, 620);
    check({with_tombstones(planned(1, 0, 540), 3, 10)}, {});  // it is the newest itself
    check({with_tombstones(planned(1, 0, 540), 3, 10), newest}, {1});
    check({with_tombstones(planned(1, 0, 540), 5, 99), newest}, {});  // exactly 5 % (of series + 1)
    check({with_tombstones(planned(1, 0, 540), 6, 99), newest}, {1});
    check({with_tombstones(planned(1, 0, 180), 3, 10), newest}, {1});
    check({with_tombstones(planned(1, 0, 60), 3, 10), newest}, {});    // narrow
    check({with_tombstones(planned(1, 0, 60), 10, 10), newest}, {1});  // narrow, nothing left
    check({with_tombstones(planned(1, 0, 540), 0, 0), newest}, {});
    check({with_tombstones(planned(1, 0, 60), 0, 0), newest}, {});
    // From the newest back; a narrow block ends the search.
    check({with_tombstones(planned(1, -540, 0), 9, 10),
           with_tombstones(planned(2, 0, 540), 9, 10),
           newest},
          {2});
    check({with_tombstones(planned(1, 0, 540), 9, 10), planned(2, 540, 560), newest}, {});
}

TEST_CASE("planner never mixes blocks of stale or selected series with others", "[tsdb][compact]") {
    const auto stale = [](unsigned n, int64_t min_t, int64_t max_t) {
        return with_hint(planned(n, min_t, max_t), kHintStaleSeries);
    };
    const auto selected = [](unsigned n, int64_t min_t, int64_t max_t) {
        return with_hint(planned(n, min_t, max_t), kHintSelectedSeries);
    };
    check({planned(1, 0, 20),
           stale(10, 0, 20),
           planned(2, 20, 40),
           planned(3, 40, 60),
           planned(4, 60, 80)},
          {1, 2, 3});
    check({stale(1, 0, 20), stale(2, 20, 40), stale(3, 40, 60), stale(4, 60, 80)}, {1, 2, 3});
    check(
        {planned(9, 0, 20), stale(1, 0, 20), stale(2, 20, 40), stale(3, 40, 60), stale(4, 60, 80)},
        {1, 2, 3});
    check_overlap({planned(9, 0, 20), selected(1, 0, 20), selected(2, 10, 20)}, {1, 2});
    check_overlap({stale(8, 0, 20), stale(9, 10, 20), selected(1, 0, 20), selected(2, 10, 20)},
                  {8, 9});
    // All three at one time do not overlap.
    check({planned(1, 0, 20), stale(2, 0, 20), selected(3, 0, 20)}, {});
}

TEST_CASE("planner waits for a block that must not be compacted yet", "[tsdb][compact]") {
    const Blocks blocks{
        planned(1, 0, 20), planned(2, 20, 40), planned(3, 40, 60), planned(4, 60, 80)};
    const auto plan = [&](std::vector<tsdb::block::Ulid> excluded) {
        return numbers(plan_compaction(blocks, kRanges, excluded).blocks);
    };
    CHECK(plan({}) == Numbers{1, 2, 3});
    CHECK(plan({ulid(2)}).empty());
    CHECK(plan({ulid(1)}).empty());
    // Without the fourth, the third is the newest that may be looked at.
    CHECK(plan({ulid(4)}).empty());
    CHECK(plan({ulid(77)}) == Numbers{1, 2, 3});
}

TEST_CASE("planner does not compact around a block that waits", "[tsdb][compact]") {
    Blocks blocks;
    for (unsigned n = 0; n < 7; ++n) {
        blocks.push_back(planned(n + 1, 20 * n, 20 * n + 20));
    }
    const std::vector excluded{ulid(2)};
    CHECK(plan_compaction(blocks, kRanges, excluded).blocks.empty());
}

TEST_CASE("planner with one width only merges overlaps", "[tsdb][compact]") {
    const std::vector<int64_t> ranges{20};
    const Blocks blocks{
        planned(1, 0, 20), planned(2, 20, 40), planned(3, 40, 60), planned(4, 60, 80)};
    CHECK(plan_compaction(blocks, ranges, {}).blocks.empty());
    const Blocks overlapping{planned(1, 0, 20), planned(2, 10, 40), planned(3, 40, 60)};
    CHECK(numbers(plan_compaction(overlapping, ranges, {}).blocks) == Numbers{1, 2});
    CHECK(plan_compaction(overlapping, ranges, {}, false).blocks.empty());
}

TEST_CASE("planner takes the times of any meta.json", "[tsdb][compact]") {
    constexpr int64_t kFirst = std::numeric_limits<int64_t>::min();
    constexpr int64_t kLast = std::numeric_limits<int64_t>::max();
    const Blocks blocks{planned(1, kFirst, kFirst + 1),
                        planned(2, kFirst + 1, kFirst + 1),
                        planned(3, 0, -5),
                        planned(4, kLast - 1, kLast),
                        planned(5, kLast, kLast)};
    CHECK(plan_compaction(blocks, kRanges, {}).blocks.size() < blocks.size());
    const Blocks wide{planned(1, kFirst, kLast), planned(2, kLast, kLast)};
    CHECK(plan_compaction(wide, kRanges, {}).blocks.empty());
}

namespace {

// What is left after a plan was carried out.
Blocks compacted(const Blocks& blocks, const Plan& plan, unsigned& next_name) {
    const Numbers chosen = numbers(plan.blocks);
    const std::set<unsigned> gone(chosen.begin(), chosen.end());
    Blocks after;
    PlannedBlock merged = planned(
        next_name++, std::numeric_limits<int64_t>::max(), std::numeric_limits<int64_t>::min());
    for (const PlannedBlock& block : blocks) {
        if (!gone.contains(number(block.meta.ulid))) {
            after.push_back(block);
            continue;
        }
        merged.meta.min_t = std::min(merged.meta.min_t, block.meta.min_t);
        merged.meta.max_t = std::max(merged.meta.max_t, block.meta.max_t);
        merged.meta.hints = block.meta.hints;
        merged.meta.stats.series = std::max(merged.meta.stats.series, block.meta.stats.series);
    }
    after.push_back(merged);
    return after;
}

Blocks random_blocks(base::Random& random, unsigned& next_name) {
    Blocks blocks;
    const uint64_t count = random.below(40);
    const bool overlapping = random.below(3) == 0;
    int64_t t = static_cast<int64_t>(random.below(400)) - 200;
    for (uint64_t i = 0; i < count; ++i) {
        t = (t + 19) / 20 * 20 + (random.below(4) == 0 ? 20 : 0);
        const int64_t back = overlapping ? static_cast<int64_t>(random.below(30)) : 0;
        PlannedBlock block = planned(next_name++, t - back, t + 20);
        const uint64_t kind = random.below(10);
        if (kind < 2) {
            block = with_hint(block, kind == 0 ? kHintStaleSeries : kHintSelectedSeries);
        }
        block = with_tombstones(block, random.below(4), 1 + random.below(20));
        block.meta.failed = random.below(30) == 0;
        blocks.push_back(block);
        t += 20;
    }
    return blocks;
}

size_t kind_of(const PlannedBlock& block) {
    return block.meta.hints.empty() ? 0 : block.meta.hints[0] == kHintStaleSeries ? 1 : 2;
}

}  // namespace

TEST_CASE("plans never mix kinds, never outgrow the widest range, and come to an end",
          "[tsdb][compact]") {
    const uint64_t seed = test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    for (int round = 0; round < 300; ++round) {
        CAPTURE(round);
        unsigned next_name = 1;
        Blocks blocks = random_blocks(random, next_name);
        const size_t rounds_max = 2 * blocks.size() + 2;
        size_t done = 0;
        for (Plan plan = plan_compaction(blocks, kRanges, {}); !plan.blocks.empty();
             plan = plan_compaction(blocks, kRanges, {})) {
            REQUIRE(done++ < rounds_max);
            std::map<unsigned, const PlannedBlock*> by_number;
            for (const PlannedBlock& block : blocks) {
                by_number[number(block.meta.ulid)] = &block;
            }
            const Numbers chosen = numbers(plan.blocks);
            REQUIRE(std::set<unsigned>(chosen.begin(), chosen.end()).size() == chosen.size());
            int64_t min_t = std::numeric_limits<int64_t>::max();
            int64_t max_t = std::numeric_limits<int64_t>::min();
            for (const unsigned n : chosen) {
                REQUIRE(by_number.contains(n));
                REQUIRE(kind_of(*by_number[n]) == kind_of(*by_number[chosen[0]]));
                REQUIRE(by_number[n]->meta.min_t >=
                        (min_t > max_t ? by_number[n]->meta.min_t : min_t));
                min_t = std::min(min_t, by_number[n]->meta.min_t);
                max_t = std::max(max_t, by_number[n]->meta.max_t);
            }
            if (!plan.overlapping && chosen.size() > 1) {
                REQUIRE(max_t - min_t <= kRanges.back());
            }
            blocks = compacted(blocks, plan, next_name);
        }
    }
}

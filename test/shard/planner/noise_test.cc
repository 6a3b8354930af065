// Loads that are never the same twice.
#include <algorithm>
#include <map>

#include <catch2/catch.hpp>

#include "test/shard/planner/world.h"

namespace shard::testing {
namespace {

struct Hours {
    size_t moves_first = 0, moves_last = 0;  // of the first hour and the last
    size_t returns = 0;                      // to the node a target came from within two hours
    uint32_t shortest_stay_s = UINT32_MAX;
};

// A plan every minute for six hours, over loads that are 15 % off either way each time and
// smoothed: up at once, down slowly.
Hours live(World world, uint64_t seed) {
    base::SeededRandom random(seed);
    const std::vector<PlanTarget> truth = world.targets;
    std::map<uint32_t, std::pair<uint32_t, uint32_t>> last;  // target: when, from where
    Hours hours;
    constexpr int kMinutes = 360;
    for (int minute = 0; minute < kMinutes; ++minute) {
        for (size_t i = 0; i < truth.size(); ++i) {
            const uint64_t seen = truth[i].series * (85 + random.below(31)) / 100;
            uint64_t& series = world.targets[i].series;
            series = std::max(seen, (7 * series + 3 * seen) / 10);  // as loads are smoothed
        }
        const Plan plan = world.plan();
        REQUIRE(fault_of(world, plan) == "");
        for (const PlannedMove& move : plan.moves) {
            const auto before = last.find(move.target);
            if (before != last.end()) {
                const uint32_t stay = world.now_s - before->second.first;
                hours.shortest_stay_s = std::min(hours.shortest_stay_s, stay);
                hours.returns += before->second.second == move.to && stay < 7200 ? 1 : 0;
            }
            last[move.target] = {world.now_s, move.from};
        }
        hours.moves_first += minute < 60 ? plan.moves.size() : 0;
        hours.moves_last += minute >= kMinutes - 60 ? plan.moves.size() : 0;
        world.apply(plan);
        world.now_s += 60;
    }
    return hours;
}

World hashed(uint64_t seed, uint32_t nodes, uint32_t targets) {
    base::SeededRandom random(seed);
    World world;
    for (uint32_t i = 0; i < nodes; ++i) {
        world.add_node(targets * 4000 / nodes);
    }
    for (uint32_t i = 0; i < targets; ++i) {
        world.add_target(heavy_tailed_series(random), {static_cast<uint32_t>(random.below(nodes))});
    }
    return world;
}

TEST_CASE("noise of 15 percent leaves targets where they are once the nodes are even",
          "[shard][planner][property]") {
    const uint64_t seed = GENERATE(1u, 2u, 3u, 4u, 5u, 6u);
    CAPTURE(seed);
    const Hours hours = live(hashed(seed, 5, 500), seed);
    CHECK(hours.shortest_stay_s >= 30 * 60);
    CHECK(hours.moves_last <= 2);
    CHECK(hours.returns == 0);
}

TEST_CASE("noise moves few targets also where each is a large part of a node",
          "[shard][planner][property]") {
    const uint64_t seed = GENERATE(11u, 12u, 13u, 14u, 15u, 16u);
    CAPTURE(seed);
    const Hours hours = live(hashed(seed, 3, 24), seed);
    CHECK(hours.shortest_stay_s >= 30 * 60);
    CHECK(hours.moves_last <= 6);
}

}  // namespace
}  // namespace shard::testing

#include "shard/planner/largest_slots.h"

#include <algorithm>
#include <vector>

#include <catch2/catch.hpp>

#include "test/shard/planner/world.h"

namespace shard::testing {
namespace {

// Of nodes that hold whatever comes; every third target has two slots, some moved a moment ago.
World any_world(base::Random& random) {
    World world;
    for (uint64_t i = 2 + random.below(6); i > 0; --i) {
        world.add_node(1'000'000);
    }
    const auto any_node = [&] { return static_cast<uint32_t>(random.below(world.nodes.size())); };
    for (uint64_t i = random.below(80); i > 0; --i) {
        std::vector<uint32_t> owners = {random.below(20) == 0 ? kNoOwner : any_node()};
        if (random.below(3) == 0) {
            owners.push_back(any_node());
        }
        const uint32_t target = world.add_target(random.below(30), owners);
        world.targets[target].moved_s = random.below(10) == 0 ? world.now_s : 0;
    }
    return world;
}

TEST_CASE("the largest slots are those that sorting all would find", "[shard][planner][property]") {
    for (uint64_t seed = 1; seed <= 300; ++seed) {
        CAPTURE(seed);
        base::SeededRandom random(seed);
        const World world = any_world(random);
        const PlanInput input = world.input();
        const PlanState state(input);
        const auto nodes = static_cast<uint32_t>(world.nodes.size());
        const auto unwanted = random.below(7);
        const auto will_do = [&](const SlotRef& slot, uint32_t node) {
            return (slot.target + node) % 7 != unwanted;
        };
        std::vector<double> most(nodes, -1);
        LargestSlots largest(nodes);
        for (uint32_t node = 1; node < nodes; ++node) {  // node 0 is not asked
            most[node] = static_cast<double>(random.below(40)) - 2.5;
            largest.ask(node, most[node]);
        }
        largest.look(state, will_do);

        for (uint32_t node = 0; node < nodes; ++node) {
            CAPTURE(node);
            std::vector<SlotRef> all;
            for (uint32_t target = 0; target < world.targets.size(); ++target) {
                for (uint8_t slot = 0; slot < world.targets[target].slots; ++slot) {
                    const SlotRef one{world.targets[target].series, target, slot};
                    if (world.owner(target, slot) == node && state.may_move(target, slot) &&
                        one.series > 0 && static_cast<double>(one.series) <= most[node] &&
                        will_do(one, node)) {
                        all.push_back(one);
                    }
                }
            }
            std::ranges::sort(all, larger);
            const auto found = largest.of(node);
            REQUIRE(found.size() == std::min(all.size(), LargestSlots::kKept));
            REQUIRE(
                std::ranges::equal(found, std::span(all).first(found.size()), [](auto& a, auto& b) {
                    return a.series == b.series && a.target == b.target && a.slot == b.slot;
                }));
            if (largest.is_all(node)) {
                REQUIRE(all.size() == found.size());
            }
        }
    }
}

TEST_CASE("a node that gives more than its few largest slots goes on with the next ones",
          "[shard][planner]") {
    World world;
    world.add_node(1'000'000);
    world.add_node(1'000'000);
    for (uint32_t i = 0; i < 40; ++i) {
        world.add_target(1000 + i, {0});
    }
    world.options.moves_per_node = 100;
    world.options.moves_per_plan_min = 100;
    world.options.series_per_minute = 1;
    world.options.calm_ratio = 3;  // node 0 need not give
    const Plan plan = world.plan();
    REQUIRE(plan.moves.size() == 19);  // what makes 95 % of the mean
    for (uint32_t i = 0; i < plan.moves.size(); ++i) {
        CHECK(plan.moves[i].target == 39 - i);
        CHECK(plan.moves[i].reason == MoveReason::kFill);
    }
}

}  // namespace
}  // namespace shard::testing

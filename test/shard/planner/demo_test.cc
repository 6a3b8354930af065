// The small cluster that people start with: targets of 10,045 series, nodes of 30,000.
#include <catch2/catch.hpp>

#include "test/shard/planner/world.h"

namespace shard::testing {
namespace {

constexpr uint64_t kSeries = 10'045;
constexpr uint64_t kBudget = 30'000;

World demo(uint32_t nodes, uint32_t targets) {
    World world;
    for (uint32_t i = 0; i < nodes; ++i) {
        world.add_node(kBudget);
    }
    for (uint32_t i = 0; i < targets; ++i) {
        world.add_target(kSeries, {kNoOwner});
    }
    return world;
}

TEST_CASE("six targets on three nodes are two on each", "[shard][planner]") {
    World world = demo(3, 6);
    const Plan plan = world.plan();
    CHECK(plan.moves.size() == 6);
    CHECK(plan.needed_nodes == 3);
    CHECK(plan.unplaced == 0);
    CHECK(plan.over_budget.empty());
    CHECK(plan.ratio_after == Approx(1));
    world.apply(plan);
    CHECK(world.slots() == std::vector<size_t>{2, 2, 2});
    CHECK(world.plan().moves.empty());
}

TEST_CASE("a seventh target is placed over budget, and a fourth node is wanted",
          "[shard][planner]") {
    World world = demo(3, 6);
    world.settle();
    const uint32_t seventh = world.add_target(kSeries, {kNoOwner});
    const Plan plan = world.plan();
    REQUIRE(plan.moves.size() == 1);
    CHECK(plan.moves[0].target == seventh);
    CHECK(plan.moves[0].to_after == Approx(1.0045));
    CHECK(plan.needed_nodes == 4);
    REQUIRE(plan.over_budget.size() == 1);
    CHECK(plan.over_budget[0] == plan.moves[0].to);
    world.apply(plan);
    CHECK(world.plan().moves.empty());

    SECTION("which gets what is too much in at most two moves") {
        world.now_s += 3600;
        const uint32_t fourth = world.add_node(kBudget);
        const size_t moves = world.settle();
        CHECK(moves >= 1);
        CHECK(moves <= 2);
        CHECK(world.slots_of(fourth) >= 1);
        const Plan calm = world.plan();
        CHECK(calm.moves.empty());
        CHECK(calm.over_budget.empty());
        CHECK(calm.held_back == 0);
    }
}

TEST_CASE("twenty targets want ten nodes, and six of them three again", "[shard][planner]") {
    World world = demo(3, 6);
    world.settle();
    for (int i = 0; i < 14; ++i) {
        world.add_target(kSeries, {kNoOwner});
    }
    const Plan grown = world.plan();
    CHECK(grown.needed_nodes == 10);
    CHECK(grown.unplaced == 0);
    CHECK(grown.moves.size() == 14);
    CHECK(grown.over_budget.size() == 3);
    world.apply(grown);

    world.targets.resize(6);
    world.owners.resize(6);
    for (PlanNode& node : world.nodes) {
        node.ghost_series = 5 * kSeries;  // of those that left, until the next cut
    }
    const Plan shrunk = world.plan();
    CHECK(shrunk.needed_nodes == 3);
    CHECK(shrunk.over_budget.empty());
    CHECK(shrunk.moves.empty());
}

TEST_CASE("a cluster of one keeps all", "[shard][planner]") {
    World world = demo(1, 5);
    const Plan plan = world.plan();
    CHECK(plan.moves.size() == 5);
    CHECK(plan.over_budget == std::vector<uint32_t>{0});
    world.apply(plan);
    CHECK(world.plan().moves.empty());
}

TEST_CASE("a cluster without nodes or targets has an empty plan", "[shard][planner]") {
    CHECK(World().plan().needed_nodes == 1);
    CHECK(demo(3, 0).plan().moves.empty());
    const Plan nobody = demo(0, 4).plan();
    CHECK(nobody.moves.empty());
    CHECK(nobody.unplaced == 4);
}

}  // namespace
}  // namespace shard::testing

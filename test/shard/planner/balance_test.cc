#include <algorithm>

#include <catch2/catch.hpp>

#include "test/shard/planner/world.h"

namespace shard::testing {
namespace {

World nodes_of(uint64_t capacity, uint32_t count) {
    World world;
    for (uint32_t i = 0; i < count; ++i) {
        world.add_node(capacity);
    }
    return world;
}

TEST_CASE("within ten percent of the mean nothing moves", "[shard][planner]") {
    World world = nodes_of(100'000, 3);
    for (uint32_t i = 0; i < 32; ++i) {
        world.add_target(1000, {i < 11 ? 0u : i < 22 ? 1u : 2u});
    }
    CHECK(world.plan().moves.empty());
    CHECK(world.plan().ratio_before == Approx(11 / (32 / 3.0)));
}

TEST_CASE("a node that holds too much gives its largest targets that fit", "[shard][planner]") {
    World world = nodes_of(1'000'000, 4);
    for (uint32_t i = 0; i < 400; ++i) {
        world.add_target(1000, {i % 4});
    }
    const uint32_t large = world.add_target(30'000, {0});
    const Plan plan = world.plan();
    CHECK(fault_of(world, plan).empty());
    REQUIRE(!plan.moves.empty());
    for (const PlannedMove& move : plan.moves) {
        CHECK(move.from == 0);
        CHECK(move.reason == MoveReason::kBalance);
        CHECK(move.target != large);  // to give it would only make another node as full
    }
    CHECK(plan.ratio_after < 1.22);
    world.settle();
    CHECK(world.plan().ratio_after <= 1.10);
}

TEST_CASE("a node over its budget gives although it is no fuller than others", "[shard][planner]") {
    World world;
    world.add_node(100'000);
    world.add_node(100'000);
    world.add_node(100'000);
    for (uint32_t i = 0; i < 290; ++i) {
        world.add_target(1000, {i < 102 ? 0u : i < 196 ? 1u : 2u});
    }
    const Plan plan = world.plan();
    REQUIRE(!plan.moves.empty());
    CHECK(plan.moves[0].reason == MoveReason::kOverBudget);
    CHECK(plan.moves[0].from == 0);
    CHECK(plan.over_budget.empty());
}

TEST_CASE("what all nodes have too much of stays where it is, and is told", "[shard][planner]") {
    World world = nodes_of(10'000, 2);
    for (uint32_t i = 0; i < 30; ++i) {
        world.add_target(1000, {i % 2});
    }
    const Plan plan = world.plan();
    CHECK(plan.moves.empty());
    CHECK(plan.over_budget == std::vector<uint32_t>{0, 1});
    CHECK(plan.needed_nodes == 4);
}

TEST_CASE("an empty node is filled to nearly the mean by few large targets, all from old nodes",
          "[shard][planner]") {
    base::SeededRandom random(3);
    World world = nodes_of(10'000'000, 20);
    for (uint32_t i = 0; i < 10'000; ++i) {
        world.add_target(heavy_tailed_series(random), {kNoOwner});
    }
    world.options.full = true;
    world.settle();
    world.options.full = false;
    world.now_s += 7200;
    const uint32_t newcomer = world.add_node(10'000'000);
    size_t moves = 0;
    for (int i = 0; i < 100; ++i) {
        const Plan plan = world.plan();
        CHECK(fault_of(world, plan).empty());
        for (const PlannedMove& move : plan.moves) {
            CHECK(move.to == newcomer);
        }
        moves += plan.moves.size();
        if (plan.moves.empty()) {
            break;
        }
        world.apply(plan);
        world.now_s += 60;
    }
    const Plan plan = world.plan();
    CHECK(plan.moves.empty());
    CHECK(plan.held_back == 0);
    CHECK(world.share(newcomer) > 0.9 * world.share(0));
    CHECK(moves < 100);
}

TEST_CASE("a giant alone on the largest node stays there, over budget", "[shard][planner]") {
    World world;
    world.add_node(10'000);
    world.add_node(40'000);
    world.add_node(10'000);
    const uint32_t giant = world.add_target(100'000, {kNoOwner});
    for (uint32_t i = 0; i < 12; ++i) {
        world.add_target(1000, {kNoOwner});
    }
    world.settle();
    CHECK(world.owner(giant) == 1);
    CHECK(world.slots_of(1) == 1);
    CHECK(world.plan().over_budget == std::vector<uint32_t>{1});
    CHECK(world.plan().moves.empty());
}

TEST_CASE("a swap evens out what no single move can", "[shard][planner]") {
    World world = nodes_of(1000, 2);
    world.add_target(260, {0});
    world.add_target(260, {0});
    world.add_target(180, {1});
    world.add_target(180, {1});
    const Plan plan = world.plan();
    CHECK(fault_of(world, plan).empty());
    REQUIRE(plan.moves.size() == 2);
    CHECK(plan.moves[0].reason == MoveReason::kSwap);
    CHECK(plan.ratio_after == Approx(1));
    CHECK(plan.moves[1].from_after == Approx(0.44));
    CHECK(plan.moves[1].to_after == Approx(0.44));
    world.apply(plan);
    CHECK(world.plan().moves.empty());
}

TEST_CASE("nodes get by their capacity", "[shard][planner]") {
    base::SeededRandom random(11);
    World world;
    for (uint32_t i = 0; i < 8; ++i) {
        world.add_node(100'000 + 70'000 * i);
    }
    for (uint32_t i = 0; i < 1000; ++i) {
        world.add_target(100 + random.below(900), {0});
    }
    world.options.full = true;
    world.settle();
    const Plan plan = world.plan();
    CHECK(plan.moves.empty());
    CHECK(plan.ratio_after <= 1.02);
    CHECK(world.load(7) > 5 * world.load(0));
}

TEST_CASE("series that are no target's and ghosts count where they should", "[shard][planner]") {
    World world = nodes_of(100'000, 2);
    for (uint32_t i = 0; i < 40; ++i) {
        world.add_target(1000, {i % 2});
    }
    world.nodes[0].ghost_series = 70'000;
    CHECK(world.plan().moves.empty());
    world.nodes[0].other_series = 20'000;
    world.settle();
    CHECK(world.slots_of(0) < 16);
    CHECK(world.plan().ratio_after <= 1.10);
}

TEST_CASE("a node whose ghosts leave no room gets nothing to balance", "[shard][planner]") {
    World world = nodes_of(100'000, 3);
    for (uint32_t i = 0; i < 60; ++i) {
        world.add_target(1000, {i < 40 ? 0u : 1u});
    }
    world.nodes[2].ghost_series = 100'000;
    for (const PlannedMove& move : world.plan().moves) {
        CHECK(move.to == 1);
    }
}

TEST_CASE("one plan moves so many targets, one minute so many series", "[shard][planner]") {
    World world = nodes_of(10'000'000, 20);
    for (uint32_t i = 0; i < 2000; ++i) {
        world.add_target(1000, {i % 10});
    }
    world.options.moves_per_node = 100;

    SECTION("by plan") {
        const Plan plan = world.plan();
        CHECK(plan.moves.size() == world.options.moves_per_plan_min);
        CHECK(plan.held_back > 0);
    }
    SECTION("by node") {
        world.options.moves_per_node = 1;
        world.options.moves_per_plan_min = 1000;
        world.options.series_per_minute = 1;
        std::vector<int> in(20), out(20);
        for (const PlannedMove& move : world.plan().moves) {
            ++out[move.from];
            ++in[move.to];
        }
        CHECK(*std::ranges::max_element(in) == 1);
        CHECK(*std::ranges::max_element(out) == 1);
    }
    SECTION("by node, with those under way") {
        for (PlanNode& node : world.nodes) {
            node.moves_in = world.options.moves_per_node;
        }
        CHECK(world.plan().moves.empty());
        CHECK(world.plan().held_back > 0);
    }
    SECTION("by minute") {
        PlanInput input = world.input();
        input.recent_moves = 17;
        CHECK(make_plan(input).moves.size() == 3);
        input.recent_moves = 20;
        CHECK(make_plan(input).moves.empty());
        input.recent_moves = 0;
        input.recent_series = 37'000;
        CHECK(make_plan(input).moves.size() == 3);
    }
    SECTION("a full plan has no bounds") {
        world.options.full = true;
        const Plan plan = world.plan();
        CHECK(plan.ratio_after <= 1.02);
        CHECK(plan.held_back == 0);
    }
}

TEST_CASE("a target stays for half an hour where it was moved to", "[shard][planner]") {
    World world = nodes_of(1'000'000, 2);
    for (uint32_t i = 0; i < 100; ++i) {
        world.add_target(1000, {i < 70 ? 0u : 1u});
        world.targets.back().moved_s = world.now_s - 29 * 60;
    }
    CHECK(world.plan().moves.empty());
    world.now_s += 61;
    CHECK(!world.plan().moves.empty());
}

TEST_CASE("a reason has a name", "[shard][planner]") {
    CHECK(name(MoveReason::kOrphan) == "orphan");
    CHECK(name(MoveReason::kOverBudget) == "over budget");
    CHECK(name(MoveReason::kSwap) == "swap");
}

}  // namespace
}  // namespace shard::testing

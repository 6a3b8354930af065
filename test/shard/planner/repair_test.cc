#include <algorithm>
#include <set>

#include <catch2/catch.hpp>

#include "test/shard/planner/world.h"

namespace shard::testing {
namespace {

World nodes_of(uint64_t capacity, std::vector<uint32_t> zones) {
    World world;
    for (const uint32_t zone : zones) {
        world.add_node(capacity, zone);
    }
    return world;
}

TEST_CASE("orphans go largest first to the node of least share", "[shard][planner]") {
    World world;
    world.add_node(1000);
    world.add_node(3000);
    world.add_target(300, {kNoOwner});
    world.add_target(900, {kNoOwner});
    world.add_target(100, {kNoOwner});
    const Plan plan = world.plan();
    REQUIRE(plan.moves.size() == 3);
    CHECK(plan.moves[0].target == 1);
    CHECK(plan.moves[0].to == 1);
    CHECK(plan.moves[0].to_before == 0);
    CHECK(plan.moves[0].to_after == Approx(0.3));
    CHECK(plan.moves[1].target == 0);
    CHECK(plan.moves[1].to == 0);
    CHECK(plan.moves[2].target == 2);
    CHECK(plan.moves[2].to == 1);
}

TEST_CASE("an orphan goes back to where it was while that node is nearly as empty as any",
          "[shard][planner]") {
    World world = nodes_of(100'000, {0, 0, 0});
    world.add_target(10'000, {0});
    world.add_target(10'100, {1});
    world.add_target(10'000, {2});
    const uint32_t back = world.add_target(500, {kNoOwner});
    world.previous = {{world.targets[back].id, 1}};
    REQUIRE(world.plan().moves.size() == 1);
    CHECK(world.plan().moves[0].to == 1);

    world.targets[1].series = 14'000;
    REQUIRE(!world.plan().moves.empty());
    CHECK(world.plan().moves[0].to != 1);
}

TEST_CASE("of equally full nodes an orphan goes to the one with the fewest of its job",
          "[shard][planner]") {
    World world = nodes_of(100'000, {0, 0, 0});
    world.add_target(1000, {0}, 7);
    world.add_target(1000, {1}, 8);
    world.add_target(1000, {2}, 7);
    world.add_target(10, {kNoOwner}, 7);
    REQUIRE(world.plan().moves.size() == 1);
    CHECK(world.plan().moves[0].to == 1);
}

TEST_CASE("equal targets of several jobs spread job by job", "[shard][planner]") {
    World world = nodes_of(1'000'000, {0, 0, 0, 0});
    for (uint32_t i = 0; i < 80; ++i) {
        world.add_target(1000, {kNoOwner}, i % 5);
    }
    world.apply(world.plan());
    for (uint32_t node = 0; node < 4; ++node) {
        CHECK(world.slots_of(node) == 20);
        for (uint32_t job = 0; job < 5; ++job) {
            const auto count = std::ranges::count_if(world.targets, [&](auto& target) {
                return target.job == job && world.owners[target.first_owner] == node;
            });
            CHECK(count >= 2);
            CHECK(count <= 6);
        }
    }
}

TEST_CASE("replicas lie on different nodes and in different zones", "[shard][planner]") {
    World world = nodes_of(100'000, {1, 1, 1, 2, 2, 3});
    for (uint32_t i = 0; i < 30; ++i) {
        world.add_target(100 + i, {kNoOwner, kNoOwner, kNoOwner});
    }
    const Plan plan = world.plan();
    CHECK(plan.moves.size() == 90);
    world.apply(plan);
    for (uint32_t target = 0; target < 30; ++target) {
        std::set<uint32_t> zones;
        for (uint32_t slot = 0; slot < 3; ++slot) {
            zones.insert(world.nodes[world.owner(target, slot)].zone);
        }
        CHECK(zones.size() == 3);
    }
}

TEST_CASE("with fewer zones than replicas the nodes still differ", "[shard][planner]") {
    World world = nodes_of(100'000, {1, 1, 1, 2});
    for (uint32_t i = 0; i < 10; ++i) {
        world.add_target(100, {kNoOwner, kNoOwner, kNoOwner});
    }
    const Plan plan = world.plan();
    CHECK(fault_of(world, plan).empty());
    CHECK(plan.unplaced == 0);
    world.apply(plan);
    CHECK(world.slots_of(3) == 10);
    CHECK(world.plan().moves.empty());
}

TEST_CASE("slots beyond the number of nodes wait", "[shard][planner]") {
    World world = nodes_of(100'000, {0, 0});
    world.add_target(100, {kNoOwner, kNoOwner, kNoOwner});
    const Plan plan = world.plan();
    CHECK(plan.moves.size() == 2);
    CHECK(plan.unplaced == 1);
    CHECK(plan.needed_nodes == 3);
}

TEST_CASE("two slots on one node or in one zone are taken apart", "[shard][planner]") {
    World world = nodes_of(100'000, {1, 1, 2});
    world.add_target(100, {0, 0});
    world.add_target(100, {0, 1});
    const Plan plan = world.plan();
    CHECK(fault_of(world, plan).empty());
    REQUIRE(plan.moves.size() == 2);
    CHECK(plan.moves[0].reason == MoveReason::kSameNode);
    CHECK(plan.moves[1].reason == MoveReason::kSameZone);
    CHECK(plan.moves[0].to == 2);
    CHECK(plan.moves[1].to == 2);
}

TEST_CASE("a node without a zone that has the target gets no second slot of it",
          "[shard][planner]") {
    World world = nodes_of(100'000, {1, 1, 0, 2});
    world.options.calm_ratio = 10;  // balance is not the question
    world.options.low_ratio = 0;
    world.add_target(100, {0, 1, 2});
    world.add_target(5000, {3});
    const Plan plan = world.plan();
    CHECK(fault_of(world, plan).empty());
    REQUIRE(plan.moves.size() == 1);
    CHECK(plan.moves[0].reason == MoveReason::kSameZone);
    CHECK(plan.moves[0].to == 3);
}

TEST_CASE("a node that cannot scrape a target hands it to one that can", "[shard][planner]") {
    World world = nodes_of(100'000, {0, 0, 0});
    world.options.calm_ratio = 10;  // balance is not the question
    world.options.low_ratio = 0;
    const uint32_t target = world.add_target(100, {0});
    world.add_target(5000, {2});
    const model::TargetId id = world.targets[target].id;
    world.unable = {{id, 0}, {id, 1}};
    world.targets[target].moved_s = world.now_s;  // such moves do not wait
    const Plan plan = world.plan();
    REQUIRE(plan.moves.size() == 1);
    CHECK(plan.moves[0].reason == MoveReason::kUnable);
    CHECK(plan.moves[0].to == 2);

    SECTION("and keeps it when nobody can") {
        world.unable.push_back({id, 2});
        CHECK(world.plan().moves.empty());
    }
    SECTION("but an orphan is placed even then") {
        world.unable.push_back({id, 2});
        world.owners[0] = kNoOwner;
        CHECK(world.plan().unplaced == 0);
        CHECK(world.plan().moves.size() == 1);
    }
}

TEST_CASE("a node with another idea of a job gets none of its targets and keeps those it has",
          "[shard][planner]") {
    World world = nodes_of(100'000, {0, 0});
    world.foreign_jobs = {{3, 0}};
    world.add_target(100, {0}, 3);
    world.add_target(400, {1}, 3);
    world.add_target(100, {kNoOwner}, 3);
    world.add_target(50, {kNoOwner}, 4);
    const Plan plan = world.plan();
    REQUIRE(plan.moves.size() == 2);
    CHECK(plan.moves[0].to == 1);
    CHECK(plan.moves[1].to == 0);
}

TEST_CASE("a draining node gives all away, largest first, as fast as others take",
          "[shard][planner]") {
    World world = nodes_of(1'000'000, {0, 0, 0});
    for (uint32_t i = 0; i < 60; ++i) {
        world.add_target(1000 + i, {i % 3});
    }
    world.nodes[0].use = NodeUse::kEmpties;
    world.options.moves_per_node = 3;
    const Plan plan = world.plan();
    REQUIRE(plan.moves.size() == 6);
    CHECK(plan.held_back >= 14);
    CHECK(plan.moves[0].target == 57);
    for (const PlannedMove& move : plan.moves) {
        CHECK(move.reason == MoveReason::kDrain);
        CHECK(move.from == 0);
    }
    world.settle();
    CHECK(world.slots_of(0) == 0);
}

TEST_CASE("the targets of a lost node go to the others, and nothing else moves",
          "[shard][planner]") {
    base::SeededRandom random(7);
    World world = nodes_of(1'000'000, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
    for (uint32_t i = 0; i < 600; ++i) {
        world.add_target(heavy_tailed_series(random), {kNoOwner});
    }
    world.options.full = true;
    world.settle();
    world.options.full = false;
    world.now_s += 7200;
    world.nodes[4].use = NodeUse::kGone;
    const size_t lost = world.slots_of(4);
    const Plan plan = world.plan();
    CHECK(plan.moves.size() == lost);
    for (const PlannedMove& move : plan.moves) {
        CHECK(move.reason == MoveReason::kOrphan);
        CHECK(move.from == 4);
    }
    CHECK(plan.unplaced == 0);
}

TEST_CASE("a node that has just come does not get all orphans at once", "[shard][planner]") {
    World world = nodes_of(100'000, {0, 0, 0});
    for (uint32_t i = 0; i < 40; ++i) {
        world.add_target(1000, {i % 2});
    }
    for (uint32_t i = 0; i < 30; ++i) {
        world.add_target(1000, {kNoOwner});
    }
    World bounded = world;
    bounded.options.orphan_budget_part = 0.1;
    bounded.apply(bounded.plan());
    CHECK(bounded.plan().unplaced == 0);
    world.options.orphan_budget_part = 1;
    world.apply(world.plan());
    CHECK(bounded.slots_of(2) < world.slots_of(2));
}

TEST_CASE("nodes that are suspected, full or draining take nothing", "[shard][planner]") {
    const auto use = GENERATE(NodeUse::kGives, NodeUse::kKeeps, NodeUse::kEmpties, NodeUse::kGone);
    CAPTURE(static_cast<int>(use));
    World world = nodes_of(100'000, {0, 0, 0});
    world.nodes[0].use = use;
    for (uint32_t i = 0; i < 20; ++i) {
        world.add_target(1000, {kNoOwner});
    }
    const Plan plan = world.plan();
    CHECK(plan.moves.size() == 20);
    CHECK(fault_of(world, plan).empty());
    world.apply(plan);
    CHECK(world.slots_of(0) == 0);
}

TEST_CASE("when no node takes targets, those that are there get the orphans", "[shard][planner]") {
    World world = nodes_of(100'000, {0, 0});
    world.nodes[0].use = NodeUse::kGone;
    world.nodes[1].use = NodeUse::kGives;
    world.add_target(1000, {kNoOwner});
    REQUIRE(world.plan().moves.size() == 1);
    CHECK(world.plan().moves[0].to == 1);
}

TEST_CASE("a target that moves counts where it goes and is left alone", "[shard][planner]") {
    World world = nodes_of(100'000, {0, 0});
    for (uint32_t i = 0; i < 10; ++i) {
        world.add_target(1000, {0});
    }
    for (uint32_t i = 0; i < 5; ++i) {
        world.targets[i].moving_slot = 0;
        world.targets[i].moving_to = 1;
    }
    CHECK(world.plan().moves.empty());
    CHECK(world.plan().ratio_after == Approx(1));

    SECTION("also when its new owner is lost") {
        world.nodes[1].use = NodeUse::kGone;
        CHECK(world.plan().moves.empty());
        CHECK(world.plan().unplaced == 0);
    }
    SECTION("also when its old owner is lost") {
        world.nodes[0].use = NodeUse::kGone;
        const Plan plan = world.plan();
        CHECK(plan.moves.size() == 5);
        CHECK(fault_of(world, plan).empty());
    }
}

}  // namespace
}  // namespace shard::testing

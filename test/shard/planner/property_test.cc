// What every plan promises, over random clusters. A failing seed is printed.
#include <algorithm>
#include <set>

#include <catch2/catch.hpp>

#include "test/shard/planner/world.h"

namespace shard::testing {
namespace {

constexpr uint64_t kSeeds = 200;

uint32_t any_node(base::Random& random, const World& world) {
    return static_cast<uint32_t>(random.below(world.nodes.size()));
}

NodeUse any_use(base::Random& random) {
    switch (random.below(12)) {
        case 0:
            return NodeUse::kGives;
        case 1:
            return NodeUse::kKeeps;
        case 2:
            return NodeUse::kEmpties;
        case 3:
            return NodeUse::kGone;
        default:
            return NodeUse::kTakes;
    }
}

void add_targets(base::Random& random, World& world) {
    const uint64_t slots_max = 1 + random.below(3);
    const uint64_t orphans_in = 1 + random.below(20);
    for (uint64_t i = random.below(400); i > 0; --i) {
        std::vector<uint32_t> owners(1 + random.below(slots_max));
        for (uint32_t& owner : owners) {
            owner = random.below(orphans_in) == 0 ? kNoOwner : any_node(random, world);
        }
        const uint64_t series = random.below(50) == 0 ? 0 : heavy_tailed_series(random);
        const uint32_t target =
            world.add_target(series, owners, static_cast<uint32_t>(random.below(5)));
        PlanTarget& its = world.targets[target];
        const uint32_t to = any_node(random, world);
        if (random.below(40) == 0 && std::ranges::find(owners, to) == owners.end()) {
            its.moving_slot = static_cast<uint8_t>(random.below(owners.size()));
            its.moving_to = to;
        }
        its.moved_s =
            random.below(4) == 0 ? world.now_s - static_cast<uint32_t>(random.below(4000)) : 0;
    }
}

// Anything that may be asked of a planner.
World any_world(uint64_t seed) {
    base::SeededRandom random(seed);
    World world;
    const uint64_t zones = random.below(5);
    const bool even = random.below(2) == 0;
    for (uint64_t i = 1 + random.below(15); i > 0; --i) {
        const uint32_t node =
            world.add_node(even ? 60'000 : 5'000 + random.below(200'000),
                           static_cast<uint32_t>(random.below(zones + 1)));  // 0: none
        world.nodes[node].use = any_use(random);
        world.nodes[node].other_series = random.below(3) == 0 ? random.below(20'000) : 0;
        world.nodes[node].ghost_series = random.below(3) == 0 ? random.below(50'000) : 0;
        world.nodes[node].moves_in = static_cast<uint32_t>(random.below(3));
    }
    add_targets(random, world);
    for (const PlanTarget& target : world.targets) {
        if (random.below(30) == 0) {
            world.unable.push_back({target.id, any_node(random, world)});
        }
        if (random.below(30) == 0) {
            world.previous.push_back({target.id, any_node(random, world)});
        }
    }
    if (random.below(3) == 0) {
        world.foreign_jobs = {{1, any_node(random, world)}};
    }
    world.options.full = random.below(4) == 0;
    return world;
}

bool same(const Plan& a, const Plan& b) {
    return std::ranges::equal(a.moves,
                              b.moves,
                              [](const PlannedMove& first, const PlannedMove& second) {
                                  return first.target == second.target &&
                                         first.slot == second.slot && first.from == second.from &&
                                         first.to == second.to && first.reason == second.reason &&
                                         first.to_after == second.to_after;
                              }) &&
           a.held_back == b.held_back && a.unplaced == b.unplaced &&
           a.needed_nodes == b.needed_nodes && a.over_budget == b.over_budget &&
           a.ratio_after == b.ratio_after;
}

TEST_CASE("every plan is in order and the same every time", "[shard][planner][property]") {
    for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
        CAPTURE(seed);
        const World world = any_world(seed);
        const Plan plan = world.plan();
        REQUIRE(fault_of(world, plan) == "");
        REQUIRE(same(plan, world.plan()));
    }
}

TEST_CASE("where owners lie in memory makes no difference", "[shard][planner][property]") {
    for (uint64_t seed = 1; seed <= kSeeds / 3; ++seed) {
        CAPTURE(seed);
        const World world = any_world(seed);
        World other = world;
        other.owners.clear();
        for (size_t i = other.targets.size(); i-- > 0;) {
            PlanTarget& target = other.targets[i];
            const auto first = world.owners.begin() + world.targets[i].first_owner;
            target.first_owner = static_cast<uint32_t>(other.owners.size());
            other.owners.insert(other.owners.end(), first, first + target.slots);
        }
        REQUIRE(same(world.plan(), other.plan()));
    }
}

TEST_CASE("every slot has an owner as long as there are nodes for it",
          "[shard][planner][property]") {
    for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
        CAPTURE(seed);
        World world = any_world(seed);
        for (PlanTarget& target : world.targets) {
            target.moving_slot = PlanTarget::kNotMoving;
        }
        world.apply(world.plan());
        const auto takes = static_cast<size_t>(std::ranges::count_if(
            world.nodes, [](auto& node) { return node.use == NodeUse::kTakes; }));
        for (uint32_t target = 0; target < world.targets.size(); ++target) {
            size_t placed = 0;
            const size_t slots = world.targets[target].slots;
            for (uint32_t slot = 0; slot < slots; ++slot) {
                const uint32_t owner = world.owner(target, slot);
                placed += owner != kNoOwner && world.nodes[owner].use != NodeUse::kGone ? 1 : 0;
            }
            REQUIRE(placed >= std::min(slots, takes));
        }
    }
}

TEST_CASE("a plan that holds nothing back is followed by an empty one",
          "[shard][planner][property]") {
    size_t complete = 0;
    for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
        CAPTURE(seed);
        World world = any_world(seed);
        for (int i = 0; i < 400; ++i) {
            const Plan plan = world.plan();
            world.apply(plan);
            if (plan.held_back == 0) {
                const Plan next = world.plan();
                CAPTURE(text_of(next), world.options.full);
                REQUIRE(next.moves.empty());
                REQUIRE(next.held_back == 0);
                ++complete;
                break;
            }
            world.now_s += 60;
            world.finish_moves();
        }
    }
    CHECK(complete > kSeeds * 95 / 100);
}

TEST_CASE("plans end, also when nothing makes targets stay", "[shard][planner][property]") {
    for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
        CAPTURE(seed);
        World world = any_world(seed);
        world.options.settle_s = 0;
        for (PlanTarget& target : world.targets) {
            target.moving_slot = PlanTarget::kNotMoving;
        }
        int plans = 0;
        for (; plans < 600; ++plans) {
            const Plan plan = world.plan();
            if (plan.moves.empty()) {
                break;
            }
            world.apply(plan);
            world.now_s += 60;
            world.finish_moves();
        }
        REQUIRE(plans < 600);
    }
}

TEST_CASE("every move for balance, and every swap as a whole, makes the nodes more even",
          "[shard][planner][property]") {
    for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
        CAPTURE(seed);
        World world = any_world(seed);
        world.options.full = false;
        const Plan plan = world.plan();
        double before = 0;
        bool swapping = false;
        for (size_t i = 0; i < plan.moves.size(); ++i) {
            const PlannedMove& move = plan.moves[i];
            if (!swapping) {
                before = world.potential();
            }
            Plan one;
            one.moves = {move};
            world.apply(one);
            swapping = move.reason == MoveReason::kSwap;
            if (move.reason == MoveReason::kBalance || move.reason == MoveReason::kFill ||
                move.reason == MoveReason::kOverBudget) {
                CAPTURE(i, name(move.reason));
                REQUIRE(world.potential() < before);
            }
        }
    }
}

// Everything placed and calm, nothing under way.
World calm_world(uint64_t seed) {
    base::SeededRandom random(seed);
    World world;
    for (uint64_t i = 4 + random.below(12); i > 0; --i) {
        world.add_node(1'000'000 + (seed % 2) * random.below(1'000'000));
    }
    const size_t slots = 1 + random.below(2);
    for (uint64_t i = 60 * world.nodes.size(); i > 0; --i) {
        world.add_target(heavy_tailed_series(random), std::vector<uint32_t>(slots, kNoOwner));
    }
    world.options.full = true;
    world.settle();
    world.options.full = false;
    world.now_s += 7200;
    return world;
}

TEST_CASE("a full plan of many targets leaves the nodes within two percent",
          "[shard][planner][property]") {
    for (uint64_t seed = 1; seed <= 30; ++seed) {
        CAPTURE(seed);
        const Plan plan = calm_world(seed).plan();
        REQUIRE(plan.moves.empty());
        REQUIRE(plan.ratio_after <= 1.02);
    }
}

TEST_CASE("nothing moves between nodes that lie within the calm band",
          "[shard][planner][property]") {
    for (uint64_t seed = 1; seed <= 60; ++seed) {
        CAPTURE(seed);
        World world = calm_world(seed);
        base::SeededRandom random(seed);
        for (PlanTarget& target : world.targets) {
            target.series = target.series * (80 + random.below(40)) / 100;
        }
        double low = 1e9, high = 0, load = 0, capacity = 0;
        for (uint32_t node = 0; node < world.nodes.size(); ++node) {
            low = std::min(low, world.share(node));
            high = std::max(high, world.share(node));
            load += static_cast<double>(world.load(node));
            capacity += static_cast<double>(world.nodes[node].capacity);
        }
        const double mean = load / capacity;
        if (high <= 1.10 * mean && low >= 0.90 * mean && high < 0.85) {
            REQUIRE(world.plan().moves.empty());
        }
    }
}

TEST_CASE("a lost node moves its own targets and no others", "[shard][planner][property]") {
    for (uint64_t seed = 1; seed <= 60; ++seed) {
        CAPTURE(seed);
        World world = calm_world(seed);
        const auto lost = static_cast<uint32_t>(seed % world.nodes.size());
        world.nodes[lost].use = NodeUse::kGone;
        const Plan plan = world.plan();
        REQUIRE(fault_of(world, plan) == "");
        REQUIRE(plan.moves.size() == world.slots_of(lost));
        for (const PlannedMove& move : plan.moves) {
            REQUIRE(move.from == lost);
        }
    }
}

TEST_CASE("a node that joins gets targets, and none move between the old ones",
          "[shard][planner][property]") {
    for (uint64_t seed = 1; seed <= 60; ++seed) {
        CAPTURE(seed);
        World world = calm_world(seed);
        const size_t old_slots = world.slots_of(0);
        const uint32_t newcomer = world.add_node(world.nodes[0].capacity);
        size_t moves = 0;
        for (int i = 0; i < 300; ++i) {
            const Plan plan = world.plan();
            REQUIRE(fault_of(world, plan) == "");
            CAPTURE(text_of(plan), plan.ratio_before, world.share(newcomer));
            if (plan.moves.empty()) {
                REQUIRE(plan.held_back == 0);
                break;
            }
            for (const PlannedMove& move : plan.moves) {
                REQUIRE(move.to == newcomer);
            }
            moves += plan.moves.size();
            world.apply(plan);
            world.now_s += 60;
        }
        const Plan plan = world.plan();
        REQUIRE(plan.moves.empty());
        CHECK(world.slots_of(newcomer) > 0);
        CHECK(moves <= old_slots * 5 / 4);
    }
}

// Few targets, of which some are a good part of a node.
World lumpy_world(uint64_t seed) {
    base::SeededRandom random(seed);
    World world;
    for (uint64_t i = 2 + random.below(4); i > 0; --i) {
        world.add_node(random.below(2) == 0 ? 20'000 : 1'000'000);
    }
    for (uint64_t i = (3 + random.below(20)) * world.nodes.size(); i > 0; --i) {
        world.add_target(heavy_tailed_series(random), {kNoOwner});
    }
    world.options.full = true;
    world.settle();
    world.options.full = false;
    world.now_s += 7200;
    return world;
}

TEST_CASE("while a node that joins has too little, what it can take goes to it",
          "[shard][planner][property]") {
    for (uint64_t seed = 1; seed <= 400; ++seed) {
        CAPTURE(seed);
        World world = lumpy_world(seed);
        const uint32_t newcomer = world.add_node(world.nodes[0].capacity);
        double load = 0, capacity = 0;
        for (uint32_t node = 0; node < world.nodes.size(); ++node) {
            load += static_cast<double>(world.load(node));
            capacity += static_cast<double>(world.nodes[node].capacity);
        }
        const double mean = load / capacity;
        const double whole = mean * static_cast<double>(world.nodes[newcomer].capacity);
        for (int i = 0; i < 100; ++i) {
            const Plan plan = world.plan();
            CAPTURE(text_of(plan), mean);
            for (const PlannedMove& move : plan.moves) {
                const auto series = static_cast<double>(world.targets[move.target].series);
                const auto has = static_cast<double>(world.load(newcomer));
                const bool evens = move.reason != MoveReason::kSwap && move.to_before > 0.90 * mean;
                if (move.to != newcomer && evens && has < 0.89 * whole) {
                    CAPTURE(series, has, whole);
                    REQUIRE(has + series > whole);
                }
                Plan one;
                one.moves = {move};
                world.apply(one);
            }
            world.now_s += 60;
            world.finish_moves();
        }
    }
}

}  // namespace
}  // namespace shard::testing

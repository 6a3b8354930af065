// A small cluster to plan for, and what must be true of every plan.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/random.h"
#include "shard/planner/planner.h"

namespace shard::testing {

struct World {
    std::vector<PlanNode> nodes;
    std::vector<PlanTarget> targets;
    std::vector<uint32_t> owners;
    std::vector<PlanMark> unable, previous;
    std::vector<PlanJobMark> foreign_jobs;
    PlannerOptions options;
    uint32_t now_s = 100'000;

    uint32_t add_node(uint64_t capacity, uint32_t zone = 0);
    // Ids ascend as targets are added; one slot per owner, kNoOwner for an orphan.
    uint32_t add_target(uint64_t series, std::vector<uint32_t> of, uint32_t job = 0);

    [[nodiscard]] PlanInput input() const;

    [[nodiscard]] Plan plan() const { return make_plan(input()); }

    // As if all of the plan's moves had been made now.
    void apply(const Plan& plan);
    // What was under way when the world began is done.
    void finish_moves();
    // Plans and applies, a minute apart, until there is nothing to do; returns the moves.
    size_t settle(int plans_max = 200);

    [[nodiscard]] uint32_t owner(uint32_t target, uint32_t slot = 0) const {
        return owners[targets[target].first_owner + slot];
    }

    [[nodiscard]] uint64_t load(uint32_t node) const;  // with other series
    [[nodiscard]] double share(uint32_t node) const;
    [[nodiscard]] size_t slots_of(uint32_t node) const;
    [[nodiscard]] std::vector<size_t> slots() const;  // of every node
    // Sum of load² / capacity of the nodes that are not gone.
    [[nodiscard]] double potential() const;
};

// The series of a target as they come: a few of them hundreds of times the median.
[[nodiscard]] uint64_t heavy_tailed_series(base::Random& random);

// The moves, a line each, for CAPTURE.
[[nodiscard]] std::string text_of(const Plan& plan);
// What is wrong with a plan, whatever the world is; empty: nothing.
[[nodiscard]] std::string fault_of(const World& world, const Plan& plan);

}  // namespace shard::testing

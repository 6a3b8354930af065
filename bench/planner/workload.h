// Clusters to plan for: targets of a heavy-tailed size on nodes.
#pragma once

#include <cstdint>
#include <vector>

#include "base/random.h"
#include "shard/planner/planner.h"

namespace bench {

// What a planner is asked about, with the memory it points into.
struct Cluster {
    std::vector<shard::PlanNode> nodes;
    std::vector<shard::PlanTarget> targets;
    std::vector<uint32_t> owners;
    shard::PlannerOptions options;
    uint32_t now_s = 1'000'000;

    [[nodiscard]] shard::PlanInput input() const;
    // As if all of the plan's moves had been made.
    void apply(const shard::Plan& plan);
};

// Series of one target: 95 in 100 are log-normal with a median of 600, the others of 8,000, and one
// in 2,000 has 100,000 to 400,000.
[[nodiscard]] uint64_t heavy_tailed_series(base::Random& random);

// Targets without owners, nodes whose budgets are 1.6 times what they will have.
[[nodiscard]] Cluster unplaced_cluster(uint32_t targets, uint32_t nodes, uint8_t slots = 1);

}  // namespace bench

#include "bench/planner/workload.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace bench {

namespace {

constexpr uint32_t kJobs = 40;
constexpr double kBudgetOverMean = 1.6;

double log_normal(base::Random& random, double median, double sigma) {
    // Box and Muller.
    const double radius = std::sqrt(-2 * std::log(1 - random.unit()));
    return median * std::exp(sigma * radius * std::cos(2 * std::numbers::pi * random.unit()));
}

}  // namespace

shard::PlanInput Cluster::input() const {
    shard::PlanInput input;
    input.nodes = nodes;
    input.targets = targets;
    input.owners = owners;
    input.now_s = now_s;
    input.options = options;
    return input;
}

void Cluster::apply(const shard::Plan& plan) {
    for (const shard::PlannedMove& move : plan.moves) {
        shard::PlanTarget& target = targets[move.target];
        owners[target.first_owner + move.slot] = move.to;
        target.moved_s = now_s;
    }
}

uint64_t heavy_tailed_series(base::Random& random) {
    if (random.below(2000) == 0) {
        return 100'000 + random.below(300'001);
    }
    const double series =
        random.below(20) == 0 ? log_normal(random, 8000, 0.7) : log_normal(random, 600, 1.0);
    return std::max<uint64_t>(1, static_cast<uint64_t>(series));
}

Cluster unplaced_cluster(uint32_t targets, uint32_t nodes, uint8_t slots) {
    base::SeededRandom random(targets + nodes);
    Cluster cluster;
    uint64_t series = 0;
    for (uint32_t i = 0; i < targets; ++i) {
        shard::PlanTarget target;
        target.id = random.u64();
        target.job = static_cast<uint32_t>(random.below(kJobs));
        target.slots = slots;
        target.series = heavy_tailed_series(random);
        series += target.series * slots;
        cluster.targets.push_back(target);
    }
    std::ranges::sort(cluster.targets, {}, &shard::PlanTarget::id);
    for (uint32_t i = 0; i < targets; ++i) {
        cluster.targets[i].first_owner = i * slots;
    }
    cluster.owners.assign(size_t{targets} * slots, shard::kNoOwner);
    for (uint32_t i = 0; i < nodes; ++i) {
        shard::PlanNode node;
        node.number = i + 1;
        node.capacity =
            static_cast<uint64_t>(static_cast<double>(series) / nodes * kBudgetOverMean);
        cluster.nodes.push_back(node);
    }
    return cluster;
}

}  // namespace bench

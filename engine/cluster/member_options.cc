#include "engine/cluster/member_options.h"

#include <algorithm>
#include <chrono>

#include "engine/cluster_access.h"

namespace engine {

shard::LeaderOptions leader_options(const config::ClusterOptions& cluster) {
    shard::LeaderOptions options;
    options.handoffs.good_scrapes = static_cast<uint32_t>(cluster.handoff_scrapes);
    options.liveness.failure_timeout = cluster.failure_timeout;
    options.liveness.new_leader =
        std::max(options.liveness.new_leader, options.liveness.failure_timeout);
    options.liveness.dead_after = cluster.dead_timeout;
    shard::PlannerOptions& planner = options.placing.planner;
    planner.calm_ratio = cluster.thresholds.balance;
    planner.relief_ratio = (1 + cluster.thresholds.balance) / 2;
    planner.low_ratio = cluster.thresholds.fill;
    planner.fill_ratio = (1 + cluster.thresholds.fill) / 2;
    planner.budget_high = cluster.thresholds.budget;
    planner.series_per_minute = cluster.thresholds.series_per_minute;
    planner.targets_per_minute = cluster.thresholds.series_per_minute / 2;
    options.replicas = [cluster](std::string_view job) {
        return static_cast<uint8_t>(cluster.replicas(std::string(job)));
    };
    options.exclusive = [cluster](std::string_view job) {
        return cluster.exclusive(std::string(job));
    };
    return options;
}

shard::VoterOptions voter_options(const config::ClusterOptions& cluster) {
    return {.voters = static_cast<size_t>(cluster.voters)};
}

shard::MemberOptions member_options(const FlagValues& flags,
                                    const config::Config& config,
                                    const std::string& node_id,
                                    uint64_t member,
                                    uint64_t series_budget) {
    return {.node_id = node_id,
            .address = advertised_address(flags),
            .zone = flags.text("cluster.zone"),
            .member = member,
            .series_budget = series_budget,
            .join = joined_addresses(flags),
            .leader = leader_options(config.cluster),
            .voters = voter_options(config.cluster)};
}

}  // namespace engine

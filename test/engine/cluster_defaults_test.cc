// The defaults and limits that a user reads in the configuration are those of the rooms.
#include <catch2/catch.hpp>

#include "config/config.h"
#include "shard/leader/handoffs.h"
#include "shard/leader/liveness.h"
#include "shard/planner/planner.h"
#include "shard/types.h"

TEST_CASE("the cluster key's defaults are those of the rooms that go by them",
          "[engine][cluster]") {
    const config::ClusterOptions options;
    CHECK(options.handoff_scrapes == shard::HandoffOptions().good_scrapes);
    const shard::LivenessOptions liveness;
    CHECK(options.failure_timeout == liveness.failure_timeout);
    CHECK(options.dead_timeout == liveness.dead_after);
    const shard::PlannerOptions planner;
    CHECK(options.thresholds.balance == planner.calm_ratio);
    CHECK(options.thresholds.fill == planner.low_ratio);
    CHECK(options.thresholds.budget == planner.budget_high);
    CHECK(options.thresholds.series_per_minute == planner.series_per_minute);
    CHECK(config::kReplicasMax == shard::kReplicasMax);
}

TEST_CASE("what is brought down or filled ends in the middle between the threshold and the mean",
          "[engine][cluster]") {
    const shard::PlannerOptions planner;
    CHECK(planner.relief_ratio == Approx((1 + planner.calm_ratio) / 2));
    CHECK(planner.fill_ratio == Approx((1 + planner.low_ratio) / 2));
    CHECK(planner.targets_per_minute == Approx(planner.series_per_minute / 2));
}

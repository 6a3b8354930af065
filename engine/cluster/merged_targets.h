// /api/v1/targets and /api/v1/scrape_pools in a cluster: those of all nodes, each with the node
// that scrapes it.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/http/router.h"
#include "engine/cluster/cluster_api.h"
#include "engine/cluster/dropped_targets.h"
#include "scrape/http_api.h"

namespace engine {

// That the other nodes have to answer, all together.
inline constexpr std::chrono::seconds kTargetsMax{5};
// Nodes that are asked at a time.
inline constexpr size_t kAskedAtOnce = 16;

// Borrowed.
struct MergedTargetsParts {
    bool local = false;                // --query.scope=local: this node's alone
    base::WorkerPool* pool = nullptr;  // as ClusterApiParts::pool
    const base::Clock& clock;
    const scrape::HttpApi& own;     // of this node; tells its id with each target
    const DroppedTargets& dropped;  // what discovery said, if it runs here
    std::function<base::Result<ClusterWhere>()> where;
    AskNode ask;
};

void register_merged_targets(base::http::Router& router, const MergedTargetsParts& parts);

// What this node is asked by others for theirs: targets, dropped, scrape_pools; parameter pool.
[[nodiscard]] base::Result<shard::Answer> own_targets(const scrape::HttpApi& own,
                                                      const DroppedTargets& dropped,
                                                      const shard::Question& question);

}  // namespace engine

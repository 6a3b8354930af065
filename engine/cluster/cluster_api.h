// /api/v1/cluster/*: what the cluster does, and telling it what to do. Any node answers.
// source: docs/cluster-api.md
#pragma once

#include <chrono>
#include <functional>
#include <stop_token>
#include <string>

#include "base/http/router.h"
#include "engine/cluster/cluster_answers.h"

namespace engine {

// That another node has to answer.
inline constexpr std::chrono::seconds kLookMax{10};
// The same, for what takes a leader long: plans and simulations of large clusters.
inline constexpr std::chrono::seconds kPlanMax{60};

using AskHere = std::function<base::Result<shard::Answer>(const shard::Question&, base::Deadline)>;
using AskNode = std::function<base::Result<shard::Answer>(
    const std::string& address, const shard::Question&, base::Deadline, std::stop_token)>;

// What the routes need; borrowed, and called on the pool's threads. They may block.
struct ClusterApiParts {
    bool changes = false;              // --web.enable-admin-api
    base::WorkerPool* pool = nullptr;  // where they wait for other nodes; not one that serves them
    const base::Clock& clock;
    AskHere here;                                       // ClusterAnswers::answer()
    std::function<base::Result<ClusterWhere>()> where;  // ClusterAnswers::where()
    AskNode ask;                                        // NodeQuestions::ask()
};

// GET /api/v1/cluster/{status,nodes,targets,plan,history,simulate}: the leader answers, asked here
// or from here; without one, what this node last knew, with a warning. POST
// /api/v1/cluster/{plan/apply,pause,resume,drain,undrain,move,transfer,remove}
void register_cluster_routes(base::http::Router& router, const ClusterApiParts& parts);

}  // namespace engine

// The cluster over HTTP: its API, its page, and the lists of targets of all nodes.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/async/worker_pool.h"
#include "base/http/router.h"
#include "engine/cli.h"
#include "engine/cluster/alone.h"
#include "engine/cluster/cluster_answers.h"
#include "engine/cluster/cluster_node.h"
#include "engine/cluster/dropped_targets.h"
#include "scrape/http_api.h"

namespace engine {

// Threads: any. Lifetime: routes and answers use it; it goes after the servers, and before what it
// borrows.
class ClusterWeb {
  public:
    // Borrowed.
    struct Parts {
        const FlagValues& flags;
        const base::Clock& clock;
        std::string node_id;
        ClusterNode* cluster = nullptr;  // null: without --cluster.join
        const scrape::Manager& manager;
        scrape::ApiOptions targets;           // how this node's targets are listed
        std::function<AloneFigures()> alone;  // without a cluster
    };

    explicit ClusterWeb(Parts parts);
    ~ClusterWeb();
    ClusterWeb(const ClusterWeb&) = delete;
    ClusterWeb& operator=(const ClusterWeb&) = delete;

    // What other nodes ask this one (ClusterNode::Parts::answer).
    [[nodiscard]] base::Result<shard::Answer> answer(const shard::Question& question,
                                                     base::Deadline deadline);

    // What discovery tells, on its way to the cluster. Only in one.
    [[nodiscard]] model::TargetListener& discovered() { return *dropped_; }

    // In a cluster with the lists of targets, which the room that scrapes leaves out then.
    void add_routes(base::http::Router& router);

    // Nobody waits for another node any more.
    void stop() { pool_.reset(); }

  private:
    const Parts parts_;
    std::unique_ptr<ClusterAnswers> answers_;  // null: without --cluster.join, as the two below
    std::unique_ptr<DroppedTargets> dropped_;
    std::unique_ptr<scrape::HttpApi> targets_;
    std::unique_ptr<base::WorkerPool> pool_;  // where requests wait for other nodes
};

// /cluster: what a browser shows of the API.
void add_cluster_page(base::http::Router& router);

}  // namespace engine

// The parts of a node. Private to it: each group of functions has the file that is named above it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/async/runtime.h"
#include "base/async/signals.h"
#include "base/async/worker_pool.h"
#include "base/http/client.h"
#include "base/kv_store.h"
#include "base/log.h"
#include "base/random.h"
#include "engine/cluster/cluster_metrics.h"
#include "engine/cluster/cluster_node.h"
#include "engine/cluster/cluster_web.h"
#include "engine/cluster/turn_thread.h"
#include "engine/cluster_queries.h"
#include "engine/flags.h"
#include "engine/http_metrics.h"
#include "engine/late_storage.h"
#include "engine/limits.h"
#include "engine/maintenance.h"
#include "engine/memory_governor.h"
#include "engine/metadata_store.h"
#include "engine/node_state.h"
#include "engine/notifications.h"
#include "engine/process_metrics.h"
#include "engine/status_api.h"
#include "engine/store_api.h"
#include "engine/web_config_file.h"
#include "query/engine.h"
#include "scrape/discovery/discovery.h"
#include "scrape/manager.h"
#include "tsdb/db.h"
#include "tsdb/http_api.h"

namespace engine {

// The parts of a node, in the order they need each other: each uses only what stands above it, so
// destruction, which runs upwards, takes them apart safely even when the start failed half-way.
class Node {
  public:
    explicit Node(const FlagValues& flags);

    base::Status start();
    // Waits until asked to stop; reloads when asked to.
    void serve();
    // In the reverse order of start().
    void stop();

    [[nodiscard]] const base::Registry& registry() const { return registry_; }

    // All of it; made anew each time.
    [[nodiscard]] base::http::Router routes();

    [[nodiscard]] const base::Logger& log() const { return log_; }

  private:
    // --- node.cc: its life -----------------------------------------------------------------------
    void announce();
    base::Status open_state();
    void build_parts();
    base::Status open_storage();
    base::Status begin_scraping();
    void request(bool stop);

    // --- node_web.cc: what it answers ------------------------------------------------------------
    base::Status listen();
    base::Status listen_grpc();
    [[nodiscard]] model::Labels store_api_labels() const;

    // --- node_cluster.cc: its cluster ------------------------------------------------------------
    [[nodiscard]] ClusterNode::Parts cluster_parts();
    base::Status join_cluster();
    void apply_discovery(const config::Config& config);
    void update_cluster_metrics();
    [[nodiscard]] uint64_t own_series_budget() const;
    [[nodiscard]] AloneFigures alone_figures() const;
    [[nodiscard]] shard::Totals totals();

    const FlagValues& flags_;
    base::SystemClock clock_;
    base::SystemRandom random_;
    base::StderrSink sink_;
    base::LogBackend backend_;
    base::Logger log_;
    const ProcessLimits limits_;
    base::Registry registry_;
    std::unique_ptr<base::Files> files_;
    base::Budget memory_, query_memory_, network_memory_;
    MemoryGovernor governor_;
    std::vector<base::MetricCallback> process_metrics_;
    base::rpc::ServerMetrics grpc_metrics_{registry_};  // there without a server, too
    ClusterMetrics cluster_metrics_{registry_};         // and without a cluster
    Readiness readiness_;
    Notifications notifications_;
    ConfigReload reload_;
    std::unique_ptr<NodeState> state_;
    std::unique_ptr<MetadataStore> metadata_;
    tsdb::ReplayStatus replay_status_;
    LateStorage storage_;
    std::unique_ptr<tsdb::Db> db_;
    query::Metrics query_metrics_{registry_};
    std::unique_ptr<query::Engine> engine_;
    std::unique_ptr<WebConfigFile> web_config_;
    std::unique_ptr<HttpMetrics> http_metrics_;
    std::unique_ptr<base::Runtime> serving_, scraping_;
    std::unique_ptr<base::WorkerPool> query_pool_, read_pool_, page_pool_, admin_pool_;
    std::unique_ptr<base::http::ClientShared> client_;
    std::unique_ptr<scrape::Metrics> scrape_metrics_;
    base::Secret cluster_key_;                   // of --cluster.key-file
    std::unique_ptr<TurnThread> steering_;       // what the cluster's news lead to
    std::unique_ptr<ClusterNode> cluster_node_;  // null: without --cluster.join
    std::unique_ptr<scrape::Manager> manager_;
    std::unique_ptr<ClusterWeb> cluster_web_;
    std::unique_ptr<scrape::Discovery> discovery_;
    std::unique_ptr<ClusterQueries> cluster_;
    std::vector<base::MetricCallback> part_metrics_;
    std::unique_ptr<base::http::Server> server_;
    std::unique_ptr<StoreApi> store_api_;  // null: there is none
    std::unique_ptr<Maintenance> maintenance_;
    int64_t started_ms_ = 0;

    base::Mutex discovering_;  // one at a time decides what discovery is to do
    bool discovers_ GUARDED_BY(discovering_) = true;

    base::Mutex mutex_;
    base::CondVar asked_;
    bool stop_asked_ GUARDED_BY(mutex_) = false;
    bool reload_asked_ GUARDED_BY(mutex_) = false;
    std::unique_ptr<base::Signals> signals_;
};

}  // namespace engine

// This node in its cluster: the member (shard/member) with gRPC, the key–value store and a thread
// of its own around it. Only with --cluster.join.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/kv_store.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/random.h"
#include "base/result.h"
#include "base/rpc/server.h"
#include "base/secret.h"
#include "config/config.h"
#include "engine/cli.h"
#include "model/scrape_listener.h"
#include "model/target.h"
#include "shard/member/member.h"
#include "shard/raft/grpc_transport.h"
#include "shard/session/node_questions.h"

namespace engine {

// Threads: any, but start(), say_stopping() and stop(): one.
class ClusterNode {
  public:
    // Borrowed; functions are called on the cluster's thread and do not block.
    struct Parts {
        const FlagValues& flags;
        const base::Clock& clock;
        base::Random& random;
        base::Registry& registry;
        base::Logger log;
        base::KvStore& store;
        std::string node_id;
        uint64_t member = 0;
        uint64_t series_budget = 0;
        base::Secret key;  // of --cluster.key-file; empty: there is none
        // Of the node as a whole: the series of its head as ghost_series; which of them are active,
        // its targets say.
        std::function<shard::Totals()> totals;
        // What other nodes ask for people. Called from threads of gRPC's pool; may block, but asks
        // no other node.
        std::function<base::Result<shard::Answer>(const shard::Question&, base::Deadline)> answer;
        // Addresses of the nodes that are known, but this one's.
        std::function<void(std::vector<std::string> addresses)> nodes_changed;
        // Whether this node is to run discovery: it votes, or may soon.
        std::function<void(bool discovers)> discovers_changed;
    };

    explicit ClusterNode(Parts parts);
    ~ClusterNode();  // stop()
    ClusterNode(const ClusterNode&) = delete;
    ClusterNode& operator=(const ClusterNode&) = delete;

    // What the gRPC server answers for the cluster.
    [[nodiscard]] std::vector<base::rpc::Method> methods();

    // Once the server listens: scrapes what it held before, as soon as somebody listens to
    // assigned(), and looks for its leader.
    //   errors  of the store: kCorrupt, kUnsupported; kInvalid: the key file
    [[nodiscard]] base::Status start(const config::Config& config);
    // A configuration was loaded. Before discovery gets it.
    [[nodiscard]] base::Status apply(const config::Config& config);

    // What discovery tells.
    [[nodiscard]] model::TargetListener& discovered();
    // What this node scrapes.
    [[nodiscard]] model::TargetSet& assigned();
    // What the scrape manager tells.
    [[nodiscard]] model::ScrapeListener& scrapes();

    // Parts::totals says something else now that the node has started: the leader is told.
    void started();
    // Others are to take over: waits until they had the time to.
    void say_stopping();
    // Nothing is scraped differently by it.
    void stop();

    // Asks other nodes what people ask this one.
    [[nodiscard]] shard::NodeQuestions& questions();

    // Null: it takes no part in consensus yet.
    [[nodiscard]] std::shared_ptr<const shard::raft::GrpcTransportCounters> raft_counters();

    // Calls see(Member&) on the cluster's thread and waits.
    //   errors  kUnavailable: before start(), and after stop()
    [[nodiscard]] base::Status with_member(const std::function<void(shard::Member&)>& see);

  private:
    struct Body;
    std::unique_ptr<Body> body_;
};

}  // namespace engine

// A node in its cluster: what it says of itself, and what the cluster's news lead to.
#include <utility>

#include "engine/cluster_access.h"
#include "engine/node_body.h"

namespace engine {
namespace {

constexpr double kMemoryHigh = 0.9;  // part of the limit from which on a node gets no targets

}  // namespace

ClusterNode::Parts Node::cluster_parts() {
    return {.flags = flags_,
            .clock = clock_,
            .random = random_,
            .registry = registry_,
            .log = log_.with("component", "cluster"),
            .store = state_->store(),
            .node_id = state_->node_id(),
            .member = state_->member(),
            .series_budget = own_series_budget(),
            .key = cluster_key_,
            .totals = [this] { return totals(); },
            .answer =
                [this](const shard::Question& question, base::Deadline deadline) {
                    return cluster_web_->answer(question, deadline);
                },
            .nodes_changed =
                [this](std::vector<std::string> addresses) {
                    steering_->post([this, addresses = std::move(addresses)] {
                        cluster_->nodes_changed(addresses);
                    });
                },
            .discovers_changed =
                [this](bool discovers) {
                    steering_->post([this, discovers] {
                        {
                            const base::MutexLock lock(discovering_);
                            discovers_ = discovers;
                        }
                        apply_discovery(*reload_.current());
                    });
                }};
}

void Node::update_cluster_metrics() {
    base::ignore(cluster_node_->with_member(
                     [this](shard::Member& member) { cluster_metrics_.update(member); }),
                 "it starts, or stops");
    if (const auto counters = cluster_node_->raft_counters()) {
        cluster_metrics_.update(*counters);
    }
}

uint64_t Node::own_series_budget() const {
    return series_budget(static_cast<uint64_t>(flags_.integer("cluster.series-budget")),
                         reload_.current()->cluster.series_budget,
                         limits_);
}

AloneFigures Node::alone_figures() const {
    return {.node_id = state_->node_id(),
            .address = store_api_ == nullptr ? std::string() : advertised_address(flags_),
            .active_series = db_->stats().series,
            .series_budget = own_series_budget(),
            .memory_bytes = static_cast<uint64_t>(memory_.used()),
            .memory_limit_bytes = static_cast<uint64_t>(memory_.limit())};
}

shard::Totals Node::totals() {
    shard::Totals totals{.memory_bytes = static_cast<uint64_t>(memory_.used()),
                         .memory_limit_bytes = static_cast<uint64_t>(memory_.limit())};
    if (!readiness_.ready()) {
        totals.flags |= shard::kNodeStarting;
        return totals;
    }
    totals.ghost_series = db_->stats().series;
    if (db_->disk().readonly()) {
        totals.flags |= shard::kNodeReadOnly;
    }
    if (static_cast<double>(memory_.used()) > kMemoryHigh * static_cast<double>(memory_.limit())) {
        totals.flags |= shard::kNodeMemoryHigh;
    }
    return totals;
}

// Before the log is replayed: the others know at once that this node is there and scrapes nothing
// yet, and it may vote.
base::Status Node::join_cluster() {
    if (cluster_node_ == nullptr) {
        return base::success();
    }
    {
        const base::MutexLock lock(discovering_);
        discovers_ = false;
    }
    discovery_->listen(&cluster_web_->discovered());
    return base::context(cluster_node_->start(*reload_.current()), "join the cluster");
}

void Node::apply_discovery(const config::Config& config) {
    const base::MutexLock lock(discovering_);
    discovery_->apply(discovers_ ? config.scrape : scrape::Options{});
}

}  // namespace engine

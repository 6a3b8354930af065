// What a node says of its cluster in its metrics. docs/metrics.md
#pragma once

#include <array>

#include "base/metrics.h"
#include "shard/member/member.h"
#include "shard/raft/grpc_transport.h"

namespace engine {

// There without a cluster, too: all 0 then. Labels: role: leader, voter, learner; state: those of
// shard::NodeLife; holding: owner, incoming, standing_in; reason: those of
// shard::MoveReason, with underscores.
//   threads  one calls update(); metrics are read by any
class ClusterMetrics {
  public:
    explicit ClusterMetrics(base::Registry& registry);

    // On the cluster's thread, now and then.
    void update(shard::Member& member);
    // On any one thread.
    void update(const shard::raft::GrpcTransportCounters& counters);

  private:
    void update_session(const shard::Member& member, const shard::MemberStatus& status);
    void update_consensus(const shard::MemberStatus& status);
    void update_leader(shard::Leader& leader, const shard::Table& table);
    void clear_leader();

    // What was counted up to the last update: a leader's own counts begin at 0 again when the
    // member does.
    struct Counted {
        base::Counter& counter;
        uint64_t last = 0;

        void follow(uint64_t now) {
            counter.add(now >= last ? now - last : now);
            last = now;
        }
    };

    base::Gauge& is_leader_;
    base::Gauge& term_;
    base::Gauge& epoch_;
    base::MetricFamily<base::Gauge>& members_;
    base::MetricFamily<base::Gauge>& nodes_;
    base::MetricFamily<base::Gauge>& held_;
    base::Gauge& targets_;
    base::Gauge& moves_in_flight_;
    base::MetricFamily<base::Counter>& moves_;
    base::Gauge& needed_nodes_;
    base::Gauge& imbalance_;
    base::Gauge& unplaced_;
    base::Gauge& over_budget_;
    base::Gauge& paused_;
    base::Gauge& sessions_;
    base::Gauge& session_up_;
    base::Gauge& lease_valid_;
    base::Gauge& clock_behind_;
    base::Gauge& commit_;
    base::Gauge& applied_;
    base::Gauge& log_bytes_;
    base::Gauge& disk_failed_;
    base::Histogram& plan_seconds_;
    Counted sent_, sent_bytes_, received_, dropped_, calls_opened_, calls_broken_, calls_refused_;
    Counted takeovers_, moves_done_, moves_aborted_, missed_, rejected_;
    std::array<uint64_t, shard::kMoveReasons> moves_last_{};
};

}  // namespace engine

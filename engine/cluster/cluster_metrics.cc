#include "engine/cluster/cluster_metrics.h"

#include <algorithm>
#include <array>
#include <map>
#include <string>

namespace engine {

namespace {

using shard::NodeLife;

constexpr double kPlanSmallest = 0.0001;  // seconds, of the histogram's buckets
constexpr double kPlanFactor = 4;
constexpr size_t kPlanBuckets = 9;
constexpr double kMsPerSecond = 1000;

constexpr std::array kLives{NodeLife::kAwaited,
                            NodeLife::kLive,
                            NodeLife::kStarting,
                            NodeLife::kSuspect,
                            NodeLife::kReturning,
                            NodeLife::kDead};

void set(base::Gauge& gauge, uint64_t value) {
    gauge.set(static_cast<double>(value));
}

// "over_budget"
std::string label_of(shard::MoveReason reason) {
    std::string text(shard::name(reason));
    std::ranges::replace(text, ' ', '_');
    return text;
}

void set_flag(base::Gauge& gauge, bool value) {
    gauge.set(value ? 1 : 0);
}

}  // namespace

ClusterMetrics::ClusterMetrics(base::Registry& registry)
    : is_leader_(registry.gauge("skein_cluster_is_leader", "Whether this node leads its cluster.")),
      term_(registry.gauge("skein_cluster_term", "Term of the leader that this node follows.")),
      epoch_(registry.gauge("skein_cluster_epoch",
                            "Changes of the table of owners, as far as this node knows.")),
      members_(registry.gauges("skein_cluster_members",
                               "Members of the consensus, on nodes that take part in it.",
                               {"role"})),
      nodes_(registry.gauges("skein_cluster_nodes", "Nodes, as the leader sees them.", {"state"})),
      held_(registry.gauges("skein_cluster_targets_held",
                            "Targets that this node holds for its cluster.",
                            {"holding"})),
      targets_(registry.gauge("skein_cluster_targets", "Targets in the leader's table.")),
      moves_in_flight_(registry.gauge("skein_cluster_moves_in_flight",
                                      "Moves that the leader has begun and not ended.")),
      moves_(registry.counters("skein_cluster_planned_moves_total",
                               "Targets that this node, leading, has placed or begun to move.",
                               {"reason"})),
      needed_nodes_(registry.gauge("skein_cluster_needed_nodes",
                                   "Nodes that would hold all targets within their budgets, as the "
                                   "leader planned last.")),
      imbalance_(registry.gauge("skein_cluster_imbalance_ratio",
                                "Highest share of a node's budget over the mean share, as the "
                                "leader planned last.")),
      unplaced_(registry.gauge("skein_cluster_unplaced_targets",
                               "Slots of targets that no node may take.")),
      over_budget_(
          registry.gauge("skein_cluster_over_budget_nodes",
                         "Nodes that hold more than their budget, and no other has room.")),
      paused_(registry.gauge("skein_cluster_paused",
                             "Whether moves to balance and to drain are paused.")),
      sessions_(registry.gauge("skein_cluster_sessions", "Nodes that have a session here.")),
      session_up_(registry.gauge("skein_cluster_session_up",
                                 "Whether this node has a session with its leader.")),
      lease_valid_(registry.gauge("skein_cluster_lease_valid",
                                  "Whether this node may scrape exclusive targets.")),
      clock_behind_(registry.gauge("skein_cluster_clock_behind_seconds",
                                   "How far this node's clock is behind its leader's.")),
      commit_(registry.gauge("skein_cluster_raft_commit_index",
                             "Entries of the consensus that are decided, as far as this node "
                             "knows.")),
      applied_(registry.gauge("skein_cluster_raft_applied_index",
                              "Entries of the consensus that this node has applied.")),
      log_bytes_(registry.gauge("skein_cluster_raft_log_bytes",
                                "Bytes of the consensus' log that this node keeps.")),
      disk_failed_(registry.gauge("skein_cluster_raft_disk_failed",
                                  "Whether the disk failed this node's part in the consensus.")),
      plan_seconds_(
          registry.histogram("skein_cluster_plan_seconds",
                             "Time the leader took for a plan.",
                             base::exponential_bounds(kPlanSmallest, kPlanFactor, kPlanBuckets))),
      sent_{registry.counter("skein_cluster_raft_messages_sent_total",
                             "Messages of the consensus handed to a connection.")},
      sent_bytes_{registry.counter("skein_cluster_raft_sent_bytes_total",
                                   "Bytes of messages of the consensus handed to a connection.")},
      received_{registry.counter("skein_cluster_raft_messages_received_total",
                                 "Messages of the consensus that came.")},
      dropped_{
          registry.counter("skein_cluster_raft_messages_dropped_total",
                           "Messages of the consensus that were dropped: no connection, a slow "
                           "end, or sent before.")},
      calls_opened_{registry.counter("skein_cluster_raft_calls_opened_total",
                                     "Connections of the consensus opened to other members.")},
      calls_broken_{registry.counter("skein_cluster_raft_calls_broken_total",
                                     "Connections of the consensus to other members that broke.")},
      calls_refused_{registry.counter("skein_cluster_raft_calls_refused_total",
                                      "Connections of the consensus closed for what came over "
                                      "them.")},
      takeovers_{registry.counter("skein_cluster_takeovers_total",
                                  "Silent nodes that others were made to scrape for.")},
      moves_done_{registry.counter("skein_cluster_moves_done_total",
                                   "Moves after which the new owner scrapes.")},
      moves_aborted_{
          registry.counter("skein_cluster_moves_aborted_total", "Moves that were given up.")},
      missed_{registry.counter(
          "skein_handoff_missed_slots_total",
          "Scrapes that may be missing at the end of moves whose old owner fell silent.")},
      rejected_{registry.counter("skein_cluster_rejected_messages_total",
                                 "Messages of leaders that were not the latest.")} {
    for (const char* const role : {"voter", "learner"}) {
        members_.with({role});
    }
    for (const NodeLife life : kLives) {
        nodes_.with({shard::name(life)});
    }
    for (const char* const holding : {"owner", "incoming", "standing_in"}) {
        held_.with({holding});
    }
    for (size_t reason = 0; reason < shard::kMoveReasons; ++reason) {
        moves_.with({label_of(static_cast<shard::MoveReason>(reason))});
    }
}

void ClusterMetrics::update(shard::Member& member) {
    const shard::MemberStatus status = member.status();
    set_flag(is_leader_, status.leads);
    set(term_, std::max(status.raft.term, status.session.seen.term));
    set(epoch_, std::max(member.table().epoch(), status.session.seen.epoch));
    update_session(member, status);
    update_consensus(status);
    if (shard::Leader* const leader = member.leading()) {
        update_leader(*leader, member.table());
    } else {
        clear_leader();
    }
}

void ClusterMetrics::update(const shard::raft::GrpcTransportCounters& counters) {
    const auto value = [](const base::Counter& counter) {
        return static_cast<uint64_t>(counter.value());
    };
    sent_.follow(value(counters.sent));
    sent_bytes_.follow(value(counters.sent_bytes));
    received_.follow(value(counters.received));
    dropped_.follow(value(counters.unsent) + value(counters.unsent_bulk) + value(counters.unheard) +
                    value(counters.repeated));
    calls_opened_.follow(value(counters.opened));
    calls_broken_.follow(value(counters.broken));
    calls_refused_.follow(value(counters.refused));
}

void ClusterMetrics::update_session(const shard::Member& member,
                                    const shard::MemberStatus& status) {
    const shard::WorkerStatus& session = status.session;
    set_flag(session_up_, session.state == shard::SessionState::kOpen);
    set_flag(lease_valid_, session.lease);
    clock_behind_.set(static_cast<double>(session.clock_behind_ms) / kMsPerSecond);
    rejected_.follow(session.rejected);
    std::map<shard::Holding, uint64_t> held;
    for (const auto& [id, target] : member.worker().holds()) {
        ++held[target.holding];
    }
    set(held_.with({"owner"}), held[shard::Holding::kOwner]);
    set(held_.with({"incoming"}), held[shard::Holding::kIncoming]);
    set(held_.with({"standing_in"}), held[shard::Holding::kStandIn]);
}

void ClusterMetrics::update_consensus(const shard::MemberStatus& status) {
    const size_t voters = status.raft.configuration.voters();
    set(members_.with({"voter"}), voters);
    set(members_.with({"learner"}), status.raft.configuration.members.size() - voters);
    set(commit_, status.raft.commit);
    set(applied_, status.raft.applied);
    set(log_bytes_, status.raft.log_bytes);
    set_flag(disk_failed_, status.raft.disk_failed);
}

void ClusterMetrics::update_leader(shard::Leader& leader, const shard::Table& table) {
    const shard::LeaderStatus status = leader.status();
    std::map<NodeLife, uint64_t> lives;
    for (const shard::NodeStatus& node : status.nodes) {
        ++lives[node.life];
    }
    for (const NodeLife life : kLives) {
        set(nodes_.with({shard::name(life)}), lives[life]);
    }
    set(targets_, table.targets());
    set(moves_in_flight_, table.moves());
    set_flag(paused_, table.paused());
    set(sessions_, status.sessions);
    set(needed_nodes_, status.needed_nodes);
    imbalance_.set(status.ratio);
    set(unplaced_, status.unplaced);
    set(over_budget_, status.over_budget.size());
    const shard::LeaderCounters& counters = leader.counters();
    takeovers_.follow(counters.takeovers);
    moves_done_.follow(counters.moves_done);
    moves_aborted_.follow(counters.moves_aborted);
    missed_.follow(counters.missed_slots);
    for (size_t reason = 0; reason < shard::kMoveReasons; ++reason) {
        Counted counted{moves_.with({label_of(static_cast<shard::MoveReason>(reason))}),
                        moves_last_.at(reason)};
        counted.follow(counters.moves.at(reason));
        moves_last_.at(reason) = counted.last;
    }
    for (const base::Duration took : leader.take_plan_times()) {
        plan_seconds_.observe(std::chrono::duration<double>(took).count());
    }
}

// Only a leader knows: who was one says nothing old.
void ClusterMetrics::clear_leader() {
    for (const NodeLife life : kLives) {
        set(nodes_.with({shard::name(life)}), 0);
    }
    for (base::Gauge* const gauge : {&targets_,
                                     &moves_in_flight_,
                                     &paused_,
                                     &sessions_,
                                     &needed_nodes_,
                                     &imbalance_,
                                     &unplaced_,
                                     &over_budget_}) {
        gauge->set(0);
    }
}

}  // namespace engine

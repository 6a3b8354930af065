// What nodes say to the leader, and hear from it.
#include <algorithm>
#include <utility>

#include "shard/leader/leader_body.h"

namespace shard {

using base::SteadyTime;

namespace {

bool same_record(const NodeRecord& record, const Hello& hello) {
    return record.member == hello.member && record.address == hello.address &&
           record.zone == hello.zone && record.series_budget == hello.series_budget &&
           record.feature_level == hello.feature_level;
}

// Of telling all nodes of all nodes: with a thousand nodes that is 100 MB, every five seconds at
// most.
constexpr std::chrono::milliseconds kTellingOfOneNode{5};

}  // namespace

void Leader::Body::refuse(SessionId id, Refusal why, std::string reason) {
    parts.log.warn("a node was refused", "reason", reason);
    // It asks again and again: once is enough.
    if (refused_last != reason) {
        refused_last = reason;
        note(EventKind::kNodeRefused, kNoNode, "a node was refused: " + reason);
    }
    parts.links.send(id, Refused{.why = why, .reason = std::move(reason)});
    parts.links.close(id);
}

void Leader::Body::redirect(SessionId id) {
    Redirect redirect;
    const uint64_t member = parts.proposer.leads() ? 0 : parts.proposer.leader();
    for (const NodeRecord& node : parts.table.nodes()) {
        if (member != 0 && node.member == member) {
            redirect = {.leader_id = node.id, .address = node.address};
        }
    }
    if (redirect.address.empty() && !parts.proposer.leads() && parts.leader_hint) {
        redirect.address = parts.leader_hint();
    }
    parts.links.send(id, std::move(redirect));
    parts.links.close(id);
}

// Whether another node has its id, and is there.
bool Leader::Body::is_twin(SessionId id, const Hello& hello) const {
    const NodeRecord* const record = parts.table.node(hello.node_id);
    if (record == nullptr || record->member == hello.member) {
        return false;
    }
    const auto other = by_node.find(record->number);
    return other != by_node.end() && other->second != id &&
           liveness.life(record->number) == NodeLife::kLive;
}

void Leader::Body::handle(SessionId id, NodeSession& session, const Hello& hello) {
    if (session.node != kNoNode) {
        parts.links.close(id);  // it greets once
        return;
    }
    if (hello.version != kSessionVersion) {
        return refuse(id,
                      Refusal::kVersion,
                      "this leader speaks version " + std::to_string(kSessionVersion) +
                          " of the session, the node " + std::to_string(hello.version));
    }
    if (!hello.cluster_id.empty() && hello.cluster_id != parts.table.cluster_id()) {
        return refuse(id,
                      Refusal::kCluster,
                      "node " + hello.node_id + " belongs to cluster " + hello.cluster_id +
                          ", this is " + parts.table.cluster_id() +
                          "; correct its --cluster.join, or let it leave with skein cluster reset");
    }
    if (is_twin(id, hello)) {
        return refuse(id,
                      Refusal::kTwins,
                      "another node that is there has the id " + hello.node_id +
                          "; give one of them another --cluster.node-id");
    }
    session.node_id = hello.node_id;
    session.jobs = hello.jobs;
    session.heard = now;
    const int64_t behind = parts.clock.now_ms() - hello.clock_ms;
    session.clock_behind_ms = behind;
    session.clock_off = std::abs(behind) > options.clock_skew_max.count();
    if (session.clock_off) {
        parts.log.warn("a node's clock is off: it gets no targets until that is corrected",
                       "node",
                       hello.node_id,
                       "behind_ms",
                       behind);
    }
    const NodeRecord* const record = parts.table.node(hello.node_id);
    if (record != nullptr && same_record(*record, hello)) {
        return welcome(id, hello);
    }
    queue(PutNode{.id = hello.node_id,
                  .member = hello.member,
                  .address = hello.address,
                  .zone = hello.zone,
                  .series_budget = hello.series_budget,
                  .feature_level = hello.feature_level},
          [this, id, hello](const base::Result<EditAnswer>& answer) {
              if (!sessions.contains(id)) {
                  return;
              }
              if (!answer) {
                  parts.links.close(id);  // it asks again
              } else if (!answer.value().applied) {
                  refuse(id, Refusal::kNodes, answer.value().reason);
              } else {
                  note(EventKind::kNodeJoined,
                       answer.value().node,
                       "node " + hello.node_id +
                           " joins, or says something new of itself: " + hello.address +
                           ", a budget of " + std::to_string(hello.series_budget) + " series");
                  welcome(id, hello);
              }
          });
}

void Leader::Body::welcome(SessionId id, const Hello& hello) {
    NodeSession& session = sessions.at(id);
    const NodeRecord* const record = parts.table.node(hello.node_id);
    if (record == nullptr) {
        parts.links.close(id);
        return;
    }
    session.node = record->number;
    compare_jobs(session);
    if (const auto before = by_node.find(record->number); before != by_node.end()) {
        if (before->second != id) {
            parts.links.close(before->second);
        }
    }
    by_node[record->number] = id;
    liveness.add(record->number, now);
    parts.links.send(id,
                     Welcome{.cluster_id = parts.table.cluster_id(),
                             .number = record->number,
                             .order = order(),
                             .lease = lease(),
                             .clock_ms = parts.clock.now_ms()});
    send_lease(id, session);
    nodes_changed = true;
    plan_due = true;
    retold_next.insert(record->number);
}

void Leader::Body::compare_jobs(NodeSession& session) const {
    const std::vector<std::string> before = std::exchange(session.foreign_jobs, {});
    std::string listed;
    for (const JobHash& own : jobs) {
        const auto there = std::ranges::find(session.jobs, own.job, &JobHash::job);
        if (there == session.jobs.end() || there->hash != own.hash) {
            session.foreign_jobs.push_back(own.job);
            listed.append(listed.empty() ? "" : ", ").append(own.job);
        }
    }
    if (session.node != kNoNode && session.foreign_jobs != before && !listed.empty()) {
        parts.log.warn(
            "a node has jobs that are configured otherwise than the leader's: it gets no new "
            "targets of them until its configuration is the same",
            "node",
            session.node_id,
            "jobs",
            listed);
    }
}

void Leader::Body::send_lease(SessionId id, const NodeSession& session) {
    parts.links.send(id,
                     Lease{.report = session.report,
                           .order = order(),
                           .lease = lease(),
                           .holds = holders.digest(session.node)});
}

std::chrono::milliseconds Leader::Body::lease() const {
    // Not `now`: this process may have been stopped since the last poll().
    const bool sure =
        confirmed != SteadyTime() && parts.clock.steady() <= confirmed + options.unconfirmed_max;
    return sure ? options.lease : std::chrono::milliseconds(0);
}

// Counts from when it is asked: the answer may wait for as long as this process is stopped.
void Leader::Body::confirm() {
    if (confirming) {
        return;
    }
    confirming = true;
    parts.proposer.confirm([this, here = std::weak_ptr<bool>(alive), asked = now, in = term](
                               const base::Status& leads) {
        if (here.expired()) {
            return;
        }
        confirming = false;
        if (leads && in == term) {
            confirmed = std::max(confirmed, asked);
        }
    });
}

void Leader::Body::send_leases(SteadyTime at) {
    if (at < next_leases) {
        return;
    }
    next_leases = at + options.lease_every;
    confirm();
    follow_voters();
    if (nodes_changed && at >= next_nodes) {
        nodes_changed = false;
        next_nodes = at + kTellingOfOneNode * static_cast<int64_t>(by_node.size());
        send_nodes();
    }
    ask_releases();
    for (const auto& [node, id] : by_node) {
        send_lease(id, sessions.at(id));
    }
}

bool Leader::Body::votes(uint64_t member) const {
    return parts.votes && parts.votes(member);
}

void Leader::Body::follow_voters() {
    std::vector<NodeNumber> voting;
    for (const NodeRecord& node : parts.table.nodes()) {
        if (votes(node.member)) {
            voting.push_back(node.number);
        }
    }
    if (voting != voters) {
        voters = std::move(voting);
        nodes_changed = true;
    }
}

void Leader::Body::send_nodes() {
    Nodes known;
    for (const NodeRecord& node : parts.table.nodes()) {
        known.nodes.push_back({.number = node.number,
                               .id = node.id,
                               .address = node.address,
                               .zone = node.zone,
                               .voter = votes(node.member),
                               .live = !liveness.taken_over(node.number)});
    }
    for (const auto& [node, id] : by_node) {
        parts.links.send(id, known);
    }
}

void Leader::Body::handle(SessionId id, NodeSession& session, const Report& report) {
    session.report = report.number;
    session.heard = now;
    session.totals = report.totals;
    session.clock_behind_ms = parts.clock.now_ms() - report.totals.clock_ms;
    const bool off = std::abs(session.clock_behind_ms) > options.clock_skew_max.count();
    plan_due = plan_due || off != session.clock_off;
    session.clock_off = off;
    liveness.heard(session.node,
                   (report.totals.flags & kNodeStarting) != 0,
                   (report.totals.flags & kNodeStopping) != 0,
                   now);
    for (const TargetLoad& load : report.loads) {
        if (const auto target = parts.table.target(load.id)) {
            loads.told(session.node, target->job, load);
        }
    }
    static_cast<void>(id);
}

void Leader::Body::handle(SessionId /*id*/, NodeSession& session, const Progress& progress) {
    for (const Incoming& incoming : progress.targets) {
        handoffs.heard(session.node, incoming);
    }
    propose_next();
}

// What it should hold and does not, or otherwise, and what it holds and should not.
void Leader::Body::handle(SessionId /*id*/, NodeSession& session, Holdings& holdings) {
    session.holdings.insert(
        session.holdings.end(), holdings.targets.begin(), holdings.targets.end());
    if (!holdings.last) {
        return;
    }
    std::map<model::TargetId, Held> held;
    for (const Held& one : std::exchange(session.holdings, {})) {
        held.insert_or_assign(one.id, one);
    }
    std::vector<std::pair<model::TargetId, Holder>> put;
    holders.for_each(session.node, [&](model::TargetId target, const Holder& holder) {
        const auto there = held.find(target);
        if (there == held.end() || there->second.slot != holder.slot ||
            there->second.holding != holder.holding || there->second.since != holder.since) {
            put.emplace_back(target, holder);
        }
        if (there != held.end()) {
            held.erase(there);
        }
    });
    std::vector<Release> releases;
    for (const auto& [target, one] : held) {
        const bool known = parts.table.target(target).has_value();
        releases.push_back({.id = target,
                            .reason = known ? ReleaseReason::kMoved : ReleaseReason::kGone,
                            .number = grants.awaited(target, session.node)});
    }
    std::ranges::sort(put, {}, [](const auto& one) { return one.first; });
    send_assignment(session.node, put, std::move(releases));
}

void Leader::Body::handle(SessionId /*id*/, NodeSession& session, const Configured& configured) {
    session.jobs = configured.jobs;
    compare_jobs(session);
    plan_due = true;
}

void Leader::Body::handle(SessionId /*id*/, NodeSession& session, const Released& released) {
    std::vector<HolderChange> changes;
    for (const uint64_t number : released.numbers) {
        if (const auto target = grants.released(session.node, number)) {
            refresh(*target, changes);
        }
    }
    tell(changes);
}

void Leader::Body::closed(SessionId id) {
    const auto found = sessions.find(id);
    if (found == sessions.end()) {
        return;
    }
    const NodeNumber node = found->second.node;
    sessions.erase(found);
    const auto current = by_node.find(node);
    if (current != by_node.end() && current->second == id) {
        by_node.erase(current);
        handoffs.forget(node);
        liveness.disconnected(node, now);
    }
}

}  // namespace shard

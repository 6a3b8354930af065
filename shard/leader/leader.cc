// A leader's term, and its edits.
#include "shard/leader/leader.h"

#include <algorithm>
#include <utility>

#include "shard/leader/leader_body.h"

namespace shard {

using base::SteadyTime;

namespace {

uint8_t one_replica(std::string_view /*job*/) {
    return 1;
}

bool not_exclusive(std::string_view /*job*/) {
    return false;
}

LeaderOptions complete(LeaderOptions options) {
    if (!options.replicas) {
        options.replicas = one_replica;
    }
    if (!options.exclusive) {
        options.exclusive = not_exclusive;
    }
    return options;
}

}  // namespace

Leader::Body::Body(const LeaderOptions& how, const Parts& with)
    : options(complete(how)),
      parts(with),
      liveness(options.liveness),
      handoffs(options.handoffs),
      loads(options.loads) {}

Order Leader::Body::order() const {
    return {.term = term, .epoch = parts.table.epoch()};
}

uint32_t Leader::Body::now_s() const {
    return static_cast<uint32_t>(std::max<int64_t>(parts.clock.now_ms() / 1000, 0));
}

// The last one beside the one that leads now. Nobody does during an election, and this member is
// the group's leader before it leads.
void Leader::Body::follow_leader() {
    const uint64_t member = parts.proposer.leader();
    if (member != 0 && member != latest) {
        former = latest;
        latest = member;
    }
}

void Leader::Body::begin() {
    leading = true;
    term = parts.proposer.term();
    began = now;
    began_ms = parts.clock.now_ms();
    NodeNumber before = kNoNode;
    std::vector<NodeNumber> numbers;
    follow_leader();  // this member
    for (const NodeRecord& node : parts.table.nodes()) {
        numbers.push_back(node.number);
        if (node.member == former) {
            before = node.number;
        }
    }
    liveness.begin(numbers, before, now);
    for (const NodeRecord& node : parts.table.nodes()) {
        follow_maintenance(node);
    }
    handoffs.clear();
    loads.clear();
    unable.clear();
    recent.clear();
    rest.clear();
    takeovers_due = true;
    last.reset();
    discovered_version.reset();
    plan_due = true;
    cold_until = {};  // of an earlier term: sizes have to be told of anew
    next_leases = now;
    confirmed = {};
    grants.clear();
    // Who held anything exclusive before holds it no longer than the lease of the leader before.
    granting = parts.table.targets() == 0;
    grants_from = now + options.former_leases;
    rebuild_holders();
    to_retell.clear();
    retold.clear();
    retold_next.clear();
    retell_later = false;
    next_retell = now;
    drains_looked_at = 0;
    note(EventKind::kLeads, kNoNode, "this node leads, in term " + std::to_string(term));
}

// Nodes find out when they ask who leads; what was queued may still be carried out by the next one.
void Leader::Body::end() {
    leading = false;
    note(EventKind::kLeadsNoMore, kNoNode, "this node leads no more");
    std::vector<SessionId> open;
    for (const auto& [id, session] : sessions) {
        open.push_back(id);
    }
    for (const SessionId id : open) {
        redirect(id);
    }
    by_node.clear();
    std::deque<QueuedEdit> dropped = std::exchange(edits, {});
    for (QueuedEdit& edit : dropped) {
        edit.done(
            base::fail(base::Code::kUnavailable, "this node leads no more; ask the new leader"));
    }
}

SteadyTime Leader::Body::poll() {
    now = parts.clock.steady();
    const bool leads = parts.proposer.leads();
    if (leading && (!leads || parts.proposer.term() != term)) {
        end();
    }
    if (!leads) {
        follow_leader();
        return SteadyTime::max();
    }
    if (!leading) {
        begin();
    }
    follow_table();
    follow_lives();
    watch_grants();
    loads.step(now);
    send_leases(now);
    propose_next();
    // Its own steps: leases, and looking at moves.
    return std::min({next_leases, liveness.look_at(), now + options.lease_every});
}

void Leader::Body::reconfigure(LeaderOptions to) {
    to = complete(std::move(to));
    to.lease = options.lease;
    to.lease_every = options.lease_every;
    to.clock_drift = options.clock_drift;
    std::set<uint32_t> other;
    const std::span<const std::string> names = parts.table.jobs();
    for (uint32_t job = 0; job < names.size(); ++job) {
        if (to.exclusive(names[job]) != options.exclusive(names[job])) {
            other.insert(job);
        }
    }
    options = std::move(to);
    liveness.reconfigure(options.liveness);
    handoffs.reconfigure(options.handoffs);
    loads.reconfigure(options.loads);
    plan_due = true;
    if (leading && !other.empty()) {
        tell_again(other);
    }
}

void Leader::Body::queue(Edit edit, EditDone done, std::shared_ptr<const Placing> placing) {
    edits.push_back(
        {.edit = std::move(edit), .done = std::move(done), .placing = std::move(placing)});
    propose_next();
}

std::optional<Edit> Leader::Body::next_edit() {
    if (edits.empty()) {
        if (now < refused_until) {
            return std::nullopt;
        }
        std::optional<Edit> edit = next_takeover();
        if (edit || (edit = next_admin())) {
            foresee(*edit);
            return edit;
        }
        if (!(edit = next_handoffs())) {
            edit = next_plan();
        }
        return edit;
    }
    QueuedEdit next = std::move(edits.front());
    edits.pop_front();
    proposing_done = std::move(next.done);
    if (auto* const plan = std::get_if<EditPlan>(&next.edit); plan != nullptr) {
        if (plan->expected == 0) {
            plan->expected = parts.table.epoch();
            plan->now_s = now_s();
        }
        if (next.placing != nullptr) {
            foresee(*next.placing, *plan);
        } else {
            foresee(*plan);
        }
    } else {
        foresee(next.edit);
    }
    return std::move(next.edit);
}

// One at a time, so that each is made of what the one before it left. What people and nodes wait
// for comes first, then what keeps targets scraped.
void Leader::Body::propose_next() {
    if (proposing || !leading) {
        return;
    }
    foreseen = {};
    proposing_done = [](const base::Result<EditAnswer>& /*answer*/) {};
    const std::optional<Edit> edit = next_edit();
    if (!edit) {
        return;
    }
    proposing = true;
    parts.proposer.propose(
        encode(*edit),
        [this, here = std::weak_ptr<bool>(alive)](const base::Result<std::string>& answer) {
            if (!here.expired()) {
                proposed(answer);
            }
        });
}

void Leader::Body::proposed(const base::Result<std::string>& answer) {
    proposing = false;
    EditDone done = std::exchange(proposing_done, nullptr);
    if (!answer) {
        plan_due = true;
        done(base::fail(answer.error()));
        return;
    }
    auto decoded = decode_answer(answer.value());
    if (decoded && decoded.value().applied) {
        note_foreseen();
    } else if (decoded) {
        plan_due = true;  // it was made of another table, or makes no sense: then it would again
        refused_until = now + options.refused_wait;
        parts.log.warn("the table refused an edit", "reason", decoded.value().reason);
    }
    done(std::move(decoded));
}

// --- the leader
// ------------------------------------------------------------------------------------

Leader::Leader(const LeaderOptions& options, const Parts& parts)
    : body_(std::make_unique<Body>(options, parts)) {}

Leader::~Leader() = default;

SteadyTime Leader::poll() {
    return body_->poll();
}

void Leader::opened(SessionId session) {
    body_->sessions.try_emplace(session);
}

void Leader::received(SessionId id, NodeMessage message) {
    body_->now = body_->parts.clock.steady();
    const auto found = body_->sessions.find(id);
    if (found == body_->sessions.end()) {
        return;
    }
    const bool greets = std::holds_alternative<Hello>(message);
    if (!body_->leading) {
        body_->redirect(id);
    } else if (greets || found->second.node != kNoNode) {
        std::visit([&](auto& said) { body_->handle(id, found->second, said); }, message);
    }
}

void Leader::closed(SessionId session) {
    body_->now = body_->parts.clock.steady();
    body_->closed(session);
}

void Leader::configured(std::vector<JobHash> jobs) {
    body_->jobs = std::move(jobs);
    for (auto& [id, session] : body_->sessions) {
        body_->compare_jobs(session);
    }
    body_->plan_due = true;
}

void Leader::reconfigure(const LeaderOptions& options) {
    body_->now = body_->parts.clock.steady();
    body_->reconfigure(options);
}

void Leader::edit(Edit edit, std::function<void(base::Result<EditAnswer>)> done) {
    if (!body_->leading) {
        done(base::fail(base::Code::kUnavailable, "this node does not lead; ask the leader"));
        return;
    }
    body_->queue(std::move(edit), std::move(done), nullptr);
}

Placing Leader::plan(bool full) const {
    return body_->place_now(full);
}

void Leader::apply_plan(bool full, std::function<void(base::Result<EditAnswer>)> done) {
    if (!body_->leading) {
        done(base::fail(base::Code::kUnavailable, "this node does not lead; ask the leader"));
        return;
    }
    body_->apply_plan(full, std::move(done));
}

WhatIf Leader::what_if() const {
    return body_->what_if();
}

void Leader::note(EventKind kind, NodeNumber node, std::string text) {
    body_->note(kind, node, std::move(text));
}

std::vector<NodeStatus> Leader::nodes() const {
    std::vector<NodeStatus> all;
    for (const NodeRecord& record : body_->parts.table.nodes()) {
        NodeStatus node{.number = record.number,
                        .life = body_->liveness.life(record.number),
                        .silent_since = body_->liveness.silent_since(record.number)};
        if (const auto known = body_->by_node.find(record.number); known != body_->by_node.end()) {
            const NodeSession& session = body_->sessions.at(known->second);
            node.session = true;
            node.totals = session.totals;
            node.foreign_jobs = session.foreign_jobs;
            node.clock_off = session.clock_off;
            node.clock_behind_ms = session.clock_behind_ms;
        }
        all.push_back(std::move(node));
    }
    return all;
}

LeaderStatus Leader::status() const {
    LeaderStatus status{.leading = body_->leading,
                        .term = body_->term,
                        .began_ms = body_->began_ms,
                        .sessions = body_->by_node.size(),
                        .planned = body_->last.has_value()};
    status.nodes = nodes();
    body_->count_targets(status.nodes);
    if (body_->last) {
        status.needed_nodes = body_->last->needed_nodes;
        status.ratio = body_->last->ratio_before;
        status.unplaced = body_->last->unplaced;
        status.over_budget = body_->last->over_budget;
    }
    return status;
}

TargetStatus Leader::target(model::TargetId id) const {
    const std::span<const Holder> holders = body_->holders.find(id);
    TargetStatus status{.measured = body_->loads.measured(id),
                        .up = body_->loads.up(id),
                        .holders = {holders.begin(), holders.end()}};
    if (const auto known = body_->parts.table.target(id)) {
        status.series = body_->loads.series(id, known->job, known->weight);
    }
    return status;
}

const LeaderCounters& Leader::counters() const {
    return body_->counters;
}

std::vector<base::Duration> Leader::take_plan_times() {
    return std::exchange(body_->plan_times, {});
}

const std::deque<LeaderEvent>& Leader::events() const {
    return body_->events;
}

}  // namespace shard

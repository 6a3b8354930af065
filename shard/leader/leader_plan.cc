// What is to change: takeovers, ends of moves, and plans.
#include <algorithm>
#include <cmath>
#include <utility>

#include "shard/leader/leader_body.h"

namespace shard {

namespace {

constexpr double kNever = 1e18;      // a ratio that nothing reaches
constexpr uint32_t kColdBounds = 5;  // times as much as usual, while sizes turn out

// Whether more should scrape for a silent node than those who do: there were few when it fell
// silent, because a new leader had not heard of the others yet. They would not do for targets that
// they have other slots of, and have too much to do.
bool too_few(size_t standing_in, size_t live) {
    return live > standing_in && (standing_in < kReplicasMax || live >= 2 * standing_in);
}

}  // namespace

// --- takeovers
// ---------------------------------------------------------------------------------------

void Leader::Body::follow_lives() {
    for (const LifeChange& change : liveness.poll(now)) {
        const NodeRecord* const node = parts.table.node(change.node);
        const std::string id = node == nullptr ? std::to_string(change.node) : node->id;
        parts.log.info("node", "node", id, "was", name(change.from), "is", name(change.to));
        note(EventKind::kNodeLife,
             change.node,
             "node " + id + " was " + std::string(name(change.from)) + " and is " +
                 std::string(name(change.to)));
        nodes_changed = true;
        plan_due = takeovers_due = true;
    }
}

std::set<NodeNumber> Leader::Body::owners() const {
    std::set<NodeNumber> some;
    parts.table.for_each_target([&](const TargetView& target) {
        for (const Owner& owner : target.owners) {
            if (owner.node != kNoNode && !some.contains(owner.node)) {
                some.insert(owner.node);
            }
        }
    });
    return some;
}

// Looks at all targets only when the table has changed: status() is asked every second.
void Leader::Body::count_targets(std::vector<NodeStatus>& nodes) {
    if (counted_at != parts.table.epoch()) {
        counted_at = parts.table.epoch();
        owned.clear();
        parts.table.for_each_target([&](const TargetView& target) {
            for (const Owner& owner : target.owners) {
                ++owned[owner.node];
            }
        });
    }
    for (NodeStatus& node : nodes) {
        const auto found = owned.find(node.number);
        node.targets = found == owned.end() ? 0 : found->second;
    }
}

// What people wanted of nodes comes to its end: maintenance is over, a draining node is empty.
std::optional<Edit> Leader::Body::next_admin() {
    std::optional<std::set<NodeNumber>> owning;
    const bool changed =
        std::exchange(drains_looked_at, parts.table.epoch()) != parts.table.epoch();
    for (const NodeRecord& node : parts.table.nodes()) {
        if (node.admin == Admin::kMaintenance &&
            node.maintenance_until_ms <= parts.clock.now_ms()) {
            return SetAdmin{.node = node.number, .admin = Admin::kActive};
        }
        if (node.admin != Admin::kDraining || !changed) {
            continue;
        }
        if (!owning) {
            owning = owners();
            parts.table.for_each_move(
                [&](const TargetView& target) { owning->insert(target.move->to); });
        }
        if (!owning->contains(node.number)) {
            drains_looked_at = 0;  // others may be empty, too
            return SetAdmin{.node = node.number, .admin = Admin::kDrained};
        }
    }
    return std::nullopt;
}

// Begins and corrects takeovers while they are allowed, and ends those that nobody needs.
std::optional<Edit> Leader::Body::next_takeover() {
    if (!takeovers_due && takeovers_looked_at == parts.table.epoch()) {
        return std::nullopt;
    }
    takeovers_due = true;
    std::vector<NodeNumber> live = liveness.live();
    std::optional<std::set<NodeNumber>> owning;
    const auto owns = [&](NodeNumber node) {
        if (!owning) {
            owning = owners();
        }
        return owning->contains(node);
    };
    // Whether a dead one still owns something is asked once per table: it takes a look at all.
    const bool changed =
        std::exchange(takeovers_looked_at, parts.table.epoch()) != parts.table.epoch();
    for (const Takeover& takeover : parts.table.takeovers()) {
        const bool dead = liveness.life(takeover.node) == NodeLife::kDead;
        if (!liveness.taken_over(takeover.node) || (dead && changed && !owns(takeover.node))) {
            return EndTakeover{.node = takeover.node};
        }
        const bool all_live = std::ranges::all_of(
            takeover.by, [&](NodeNumber by) { return !liveness.taken_over(by); });
        if ((!all_live || too_few(takeover.by.size(), live.size())) && !live.empty() &&
            live != takeover.by && !liveness.frozen(now)) {
            return StartTakeover{.node = takeover.node, .by = live};
        }
    }
    if (liveness.frozen(now) || live.empty()) {
        return std::nullopt;
    }
    for (const NodeRecord& node : parts.table.nodes()) {
        const bool begun =
            std::ranges::find(parts.table.takeovers(), node.number, &Takeover::node) !=
            parts.table.takeovers().end();
        const bool silent = !begun && liveness.taken_over(node.number);
        // One that is dead has nothing, or what it has is placed anew before long.
        if (silent && (changed || liveness.life(node.number) != NodeLife::kDead) &&
            owns(node.number)) {
            return StartTakeover{.node = node.number, .by = std::move(live)};
        }
    }
    takeovers_due = false;
    return std::nullopt;
}

// --- ends of moves
// -----------------------------------------------------------------------------------

std::optional<Edit> Leader::Body::next_handoffs() {
    if (parts.table.moves() == 0) {
        return std::nullopt;
    }
    const HandoffView view{
        .silent = [this](NodeNumber node) { return liveness.taken_over(node); },
        .up = [this](model::TargetId target, NodeNumber node) { return loads.up(target, node); },
        .interval =
            [this](model::TargetId target) {
                const auto descriptor = parts.targets.descriptor(target);
                return descriptor == nullptr ? std::chrono::milliseconds(60'000)
                                             : descriptor->interval;
            },
        .exclusive = [this](const TargetView& target) { return exclusive(target); }};
    EditPlan plan{.expected = parts.table.epoch(), .now_s = now_s()};
    std::vector<HandoffDecision> decisions;
    for (const HandoffDecision& decision : handoffs.decide(parts.table, view, plan.now_s)) {
        if (finishes(decision.end)) {
            plan.edits.push_back(
                FinishMove{.target = decision.target, .epoch = decision.move.epoch});
        } else {
            plan.edits.push_back(
                AbortMove{.target = decision.target, .epoch = decision.move.epoch});
        }
        if (marks(decision.end)) {
            unable.add(decision.target,
                       decision.move.to,
                       plan.now_s + static_cast<uint32_t>(options.placing.unable.count()));
        }
        decisions.push_back(decision);
        plan_due = true;
    }
    if (plan.edits.empty()) {
        return std::nullopt;
    }
    EditPlan part = split(std::move(plan)).front();
    decisions.resize(part.edits.size());  // the parts are in their order
    for (const HandoffDecision& decision : decisions) {
        foresee(decision);
    }
    return part;
}

// --- plans
// -------------------------------------------------------------------------------------------

void Leader::Body::take_discovered() {
    if (discovered_version == parts.targets.version()) {
        return;
    }
    discovered_version = parts.targets.version();
    discovered.clear();
    parts.targets.for_each([this](const WantedTarget& target) {
        auto job = discovered_jobs.find(target.job);
        if (job == discovered_jobs.end()) {
            job = discovered_jobs.emplace(target.job).first;
        }
        discovered.push_back({.id = target.id, .job = *job, .predecessor = target.predecessor});
    });
    std::ranges::sort(discovered, {}, &WantedTarget::id);
    plan_due = true;
}

// The first plan of a cluster waits for the nodes that are expected, so that they share from the
// start what there is.
bool Leader::Body::may_plan() const {
    if (!parts.targets.complete()) {
        return false;
    }
    const bool first = parts.table.targets() == 0;
    return !first || liveness.live().size() >= options.nodes_expected ||
           now >= began + options.first_plan_wait;
}

NodeView Leader::Body::view_of(const NodeRecord& record) const {
    NodeView view;
    const auto open = by_node.find(record.number);
    bool full = false;
    bool off = false;
    if (open != by_node.end()) {
        const NodeSession& session = sessions.at(open->second);
        view.other_series = session.totals.other_series;
        view.ghost_series = session.totals.ghost_series;
        view.foreign_jobs = session.foreign_jobs;
        full = (session.totals.flags & (kNodeReadOnly | kNodeMemoryHigh)) != 0;
        off = session.clock_off;
    }
    const NodeLife life = liveness.life(record.number);
    if (life == NodeLife::kDead) {
        view.use = NodeUse::kGone;
    } else if (life != NodeLife::kLive || record.admin == Admin::kMaintenance || off) {
        view.use = NodeUse::kKeeps;
    } else if (record.admin == Admin::kDraining || record.admin == Admin::kDrained) {
        view.use = parts.table.paused() ? NodeUse::kKeeps : NodeUse::kEmpties;
    } else if (full) {
        view.use = NodeUse::kGives;
    }
    return view;
}

// Targets that the table lacks, and those that it has and nobody discovers.
void Leader::Body::find_fresh(std::vector<WantedTarget>& fresh,
                              std::vector<model::TargetId>& gone) const {
    size_t at = 0;
    parts.table.for_each_target([&](const TargetView& target) {
        while (at < discovered.size() && discovered[at].id < target.id) {
            fresh.push_back(discovered[at++]);
        }
        if (at < discovered.size() && discovered[at].id == target.id) {
            ++at;
        } else if (!parts.targets.awaited(parts.table.jobs()[target.job])) {
            gone.push_back(target.id);
        }
    });
    fresh.insert(fresh.end(), discovered.begin() + static_cast<ptrdiff_t>(at), discovered.end());
}

Placing Leader::Body::place_now(bool full) const {
    std::vector<WantedTarget> fresh;
    std::vector<model::TargetId> gone;
    find_fresh(fresh, gone);
    PlacingOptions how = options.placing;
    const bool cold = now < cold_until;
    const bool calm = now < began + options.calm && parts.table.targets() != 0 && !cold;
    if (!full && (parts.table.paused() || calm)) {
        how.planner.calm_ratio = how.planner.budget_high = how.planner.budget_hard = kNever;
        how.planner.low_ratio = 0;
    }
    if (full || parts.table.targets() == 0) {
        how.planner.full = true;
    } else if (cold) {
        how.planner.moves_per_plan_min *= kColdBounds;
        how.planner.targets_per_plan *= kColdBounds;
        how.planner.targets_per_minute *= kColdBounds;
        how.planner.series_per_minute *= kColdBounds;
    }
    uint64_t moved = 0;
    for (const auto& [when, series] : recent) {
        moved += series;
    }
    return place({.table = parts.table,
                  .loads = loads,
                  .unable = unable,
                  .fresh = fresh,
                  .gone = gone,
                  .node = [this](const NodeRecord& record) { return view_of(record); },
                  .replicas = options.replicas,
                  .now_s = now_s(),
                  .recent_moves = static_cast<uint32_t>(recent.size()),
                  .recent_series = moved},
                 how);
}

// Of a plan that was too large for one entry, as long as nothing came between.
std::optional<EditPlan> Leader::Body::next_part() {
    if (rest.empty()) {
        return std::nullopt;
    }
    EditPlan part = std::move(rest.front());
    rest.pop_front();
    if (part.expected != parts.table.epoch()) {
        rest.clear();
        plan_due = true;
        return std::nullopt;
    }
    foresee(*last, part);
    if (rest.empty()) {
        last->moves = {};
    }
    return part;
}

std::optional<Edit> Leader::Body::next_plan() {
    if (std::optional<EditPlan> part = next_part()) {
        return *std::move(part);
    }
    take_discovered();
    tell_redescribed();
    tell_descriptions_again();
    if (!may_plan() || (!plan_due && now < next_plan_at)) {
        return std::nullopt;
    }
    plan_due = false;
    next_plan_at = now + options.plan_every;
    unable.expire(now_s());
    loads.refresh_jobs();
    while (!recent.empty() && recent.front().first + 60 <= now_s()) {
        recent.pop_front();
    }
    const base::SteadyTime before = parts.clock.steady();
    Placing placing = place_now(false);
    if (plan_times.size() < kPlanTimesMax) {
        plan_times.push_back(parts.clock.steady() - before);
    }
    if (parts.table.targets() == 0 && !placing.edits.edits.empty()) {
        cold_until = now + options.cold;
    }
    EditPlan wanted = std::move(placing.edits);
    last = std::move(placing);
    std::ranges::stable_sort(last->moves, {}, &ExplainedMove::target);
    if (wanted.edits.empty()) {
        return std::nullopt;
    }
    for (EditPlan& part : split(std::move(wanted))) {
        rest.push_back(std::move(part));
    }
    return next_part();
}

// Its parts go one after another, before anything else: nothing changes the table between them.
void Leader::Body::apply_plan(bool full, EditDone done) {
    auto placing = std::make_shared<Placing>(place_now(full));
    std::vector<EditPlan> cut = split(std::move(placing->edits));
    if (cut.empty()) {
        done(EditAnswer{.applied = false, .epoch = parts.table.epoch()});
        return;
    }
    note(EventKind::kPlanApplied,
         kNoNode,
         std::string(full ? "a full plan" : "a plan") +
             " is carried out by command: " + std::to_string(placing->moves.size()) + " moves");
    std::ranges::stable_sort(placing->moves, {}, &ExplainedMove::target);
    // The first that is refused is the answer: those after it are of another table, and refused.
    auto refused = std::make_shared<std::optional<EditAnswer>>();
    for (size_t i = 0; i < cut.size(); ++i) {
        cut[i].expected = 0;
        const bool at_end = i + 1 == cut.size();
        queue(
            std::move(cut[i]),
            [done, refused, at_end](base::Result<EditAnswer> answer) {
                if (answer && !answer.value().applied && !*refused) {
                    *refused = answer.value();
                }
                if (at_end) {
                    done(*refused ? base::Result<EditAnswer>(**refused) : std::move(answer));
                }
            },
            placing);
    }
}

WhatIf Leader::Body::what_if() const {
    std::map<NodeNumber, NodeView> views;
    for (const NodeRecord& record : parts.table.nodes()) {
        views.emplace(record.number, view_of(record));
    }
    std::vector<WantedTarget> fresh;
    std::vector<model::TargetId> gone;
    find_fresh(fresh, gone);
    return WhatIf({.table = parts.table.snapshot(),
                   .loads = loads.copy(),
                   .unable = unable,
                   .nodes = std::move(views),
                   .fresh = fresh,
                   .gone = std::move(gone),
                   .replicas = options.replicas,
                   .placing = options.placing,
                   .now_s = now_s()});
}

}  // namespace shard

// What is to change: takeovers, ends of moves, and plans.
#include <algorithm>
#include <cmath>
#include <utility>

#include "shard/leader/leader_body.h"

namespace shard {

namespace {

constexpr double kNever = 1e18;      // a ratio that nothing reaches
constexpr uint32_t kColdBounds = 5;  // times as much as usual, while sizes turn out

}  // namespace

// --- takeovers
// ---------------------------------------------------------------------------------------

void Leader::Body::follow_lives() {
    for (const LifeChange& change : liveness.poll(now)) {
        const NodeRecord* const node = parts.table.node(change.node);
        const std::string id = node == nullptr ? std::to_string(change.node) : node->id;
        parts.log.info("node", "node", id, "was", name(change.from), "is", name(change.to));
        note("node " + id + " was " + std::string(name(change.from)) + " and is " +
             std::string(name(change.to)));
        nodes_changed = true;
        plan_due = true;
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

// Begins and corrects takeovers while they are allowed, and ends those that nobody needs.
std::optional<Edit> Leader::Body::next_takeover() {
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
        if (!all_live && !live.empty() && live != takeover.by && !liveness.frozen(now)) {
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
            }};
    EditPlan plan{.expected = parts.table.epoch(), .now_s = now_s()};
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
        note("move of " + std::to_string(decision.target) + ": " + std::string(name(decision.end)));
        plan_due = true;
    }
    if (plan.edits.empty()) {
        return std::nullopt;
    }
    return split(std::move(plan)).front();
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

Placing Leader::Body::place_now() const {
    std::vector<WantedTarget> fresh;
    std::vector<model::TargetId> gone;
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
    PlacingOptions how = options.placing;
    const bool cold = now < cold_until;
    if (parts.table.paused() ||
        (now < began + options.calm && parts.table.targets() != 0 && !cold)) {
        how.planner.calm_ratio = how.planner.budget_high = how.planner.budget_hard = kNever;
        how.planner.low_ratio = 0;
    }
    if (parts.table.targets() == 0) {
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

std::optional<Edit> Leader::Body::next_plan() {
    take_discovered();
    tell_redescribed();
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
    Placing placing = place_now();
    if (parts.table.targets() == 0 && !placing.edits.edits.empty()) {
        cold_until = now + options.cold;
    }
    note_plan(placing);
    EditPlan wanted = std::move(placing.edits);
    last = std::move(placing);
    if (wanted.edits.empty()) {
        return std::nullopt;
    }
    // The rest comes with the next plan, which is made of what this one leaves.
    std::vector<EditPlan> cut = split(std::move(wanted));
    plan_due = cut.size() > 1;
    return std::move(cut.front());
}

void Leader::Body::note_plan(const Placing& placing) {
    for (const ExplainedMove& move : placing.moves) {
        if (move.reason != MoveReason::kOrphan) {
            recent.emplace_back(now_s(), move.series);
        }
        note("target " + std::to_string(move.target) + " goes to node " + std::to_string(move.to) +
             ": " + std::string(name(move.reason)));
    }
}

}  // namespace shard

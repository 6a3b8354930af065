// The event log: what is decided is noted when the table has taken it.
#include <algorithm>
#include <cstdio>
#include <utility>

#include "shard/leader/leader_body.h"
#include "shard/target_text.h"

namespace shard {

namespace {

std::string share(float part) {
    char text[32];
    std::snprintf(text, sizeof text, "%.1f %%", static_cast<double>(part) * 100);
    return text;
}

std::string count(uint64_t number, std::string_view what) {
    return std::to_string(number) + " " + std::string(what) + (number == 1 ? "" : "s");
}

std::string_view admin_text(Admin admin) {
    switch (admin) {
        case Admin::kActive:
            return "takes targets again";
        case Admin::kMaintenance:
            return "is in maintenance: others scrape for it, and it gets its targets back";
        case Admin::kDraining:
            return "is drained: its targets move away";
        case Admin::kDrained:
            return "is drained: it has no targets any more";
    }
    return "is in a state that this program does not know";
}

}  // namespace

void Leader::Body::note(LeaderEvent event) {
    event.number = ++events_noted;
    event.time_ms = parts.clock.now_ms();
    events.push_back(std::move(event));
    while (events.size() > options.events_max) {
        events.pop_front();
    }
}

void Leader::Body::note(EventKind kind, NodeNumber node, std::string text) {
    note(LeaderEvent{.kind = kind, .node = node, .text = std::move(text)});
}

void Leader::Body::note_foreseen() {
    Foreseen seen = std::exchange(foreseen, {});
    for (LeaderEvent& event : seen.events) {
        note(std::move(event));
    }
    for (const auto& [reason, series] : seen.moves) {
        ++counters.moves.at(static_cast<size_t>(reason));
        if (reason != MoveReason::kOrphan) {
            recent.emplace_back(now_s(), series);
        }
    }
    counters.moves_done += seen.done;
    counters.moves_aborted += seen.aborted;
    counters.missed_slots += seen.missed;
}

std::string Leader::Body::node_name(NodeNumber node) const {
    const NodeRecord* const record = parts.table.node(node);
    return record == nullptr ? "node number " + std::to_string(node) : "node " + record->id;
}

// As people know it; a target that is not discovered here any more has only its number.
std::string Leader::Body::target_name(model::TargetId target) const {
    const auto descriptor = parts.targets.descriptor(target);
    if (descriptor == nullptr) {
        return "target " + target_text(target);
    }
    const std::string_view instance = descriptor->labels.get("instance");
    return "target " + descriptor->job + " " +
           (instance.empty() ? descriptor->url : std::string(instance));
}

void Leader::Body::foresee(const Edit& edit) {
    if (const auto* const admin = std::get_if<SetAdmin>(&edit)) {
        foreseen.events.push_back(
            {.kind = EventKind::kNodeAdmin,
             .node = admin->node,
             .text = node_name(admin->node) + " " + std::string(admin_text(admin->admin))});
    } else if (const auto* const removed = std::get_if<RemoveNode>(&edit)) {
        foreseen.events.push_back(
            {.kind = EventKind::kNodeRemoved,
             .node = removed->node,
             .text = node_name(removed->node) + " is no part of the cluster any more"});
    } else if (const auto* const pause = std::get_if<Pause>(&edit)) {
        foreseen.events.push_back(
            {.kind = pause->paused ? EventKind::kPaused : EventKind::kResumed,
             .text = pause->paused
                         ? "moves to balance and to drain are paused; targets of lost nodes are "
                           "placed all the same"
                         : "moves to balance and to drain go on"});
    }
}

// Asked for by a person.
void Leader::Body::foresee(const EditPlan& plan) {
    for (const PlanEdit& edit : plan.edits) {
        const auto* const start = std::get_if<StartMove>(&edit);
        const auto target = start == nullptr ? std::nullopt : parts.table.target(start->target);
        if (!target || start->slot >= target->owners.size()) {
            continue;
        }
        const NodeNumber from = target->owners[start->slot].node;
        foreseen.events.push_back({.kind = EventKind::kMoveBegun,
                                   .node = from,
                                   .other = start->to,
                                   .target = start->target,
                                   .text = target_name(start->target) + " moves from " +
                                           node_name(from) + " to " + node_name(start->to) +
                                           " by command"});
    }
}

// From when the old owner was last heard: only where it fell silent was there nobody.
uint64_t Leader::Body::missed_slots(const HandoffDecision& decision) const {
    if (!finishes(decision.end) || !liveness.taken_over(decision.move.from)) {
        return 0;
    }
    const auto descriptor = parts.targets.descriptor(decision.target);
    if (descriptor == nullptr || descriptor->interval.count() <= 0) {
        return 0;
    }
    const int64_t now_ms = parts.clock.now_ms();
    const int64_t silent_ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                                  now - liveness.silent_since(decision.move.from))
                                  .count();
    const int64_t begins = decision.first_ms == 0 ? now_ms : decision.first_ms;
    const int64_t gap = begins - (now_ms - silent_ms);
    return gap <= 0 ? 0 : static_cast<uint64_t>(gap / descriptor->interval.count());
}

void Leader::Body::foresee(const HandoffDecision& decision) {
    const bool done = finishes(decision.end);
    const uint64_t missed = missed_slots(decision);
    std::string text = target_name(decision.target);
    if (done) {
        text += " has moved from " + node_name(decision.move.from) + " to " +
                node_name(decision.move.to);
    } else {
        text += " stays on " + node_name(decision.move.from) + ", its move to " +
                node_name(decision.move.to) + " is given up";
    }
    if (decision.end != HandoffEnd::kDone) {
        text += ": " + std::string(name(decision.end));
    }
    if (missed != 0) {
        text += "; " + count(missed, "scrape") + " may be missing";
    }
    ++(done ? foreseen.done : foreseen.aborted);
    foreseen.missed += missed;
    foreseen.events.push_back({.kind = done ? EventKind::kMoveDone : EventKind::kMoveAborted,
                               .node = decision.move.from,
                               .other = decision.move.to,
                               .target = decision.target,
                               .text = std::move(text)});
}

// Of the plan's moves, which are by target, those that stand in the part that is proposed.
void Leader::Body::foresee(const Placing& placing, const EditPlan& part) {
    size_t forgotten = 0;
    std::vector<ExplainedMove> placed;
    for (const PlanEdit& edit : part.edits) {
        const auto* const assign = std::get_if<Assign>(&edit);
        const auto* const start = std::get_if<StartMove>(&edit);
        forgotten += std::holds_alternative<Forget>(edit) ? 1 : 0;
        if (assign == nullptr && start == nullptr) {
            continue;
        }
        const model::TargetId target = assign != nullptr ? assign->target : start->target;
        for (const ExplainedMove& move :
             std::ranges::equal_range(placing.moves, target, {}, &ExplainedMove::target)) {
            const bool orphan = move.reason == MoveReason::kOrphan || move.from == kNoNode;
            if (orphan == (assign != nullptr)) {
                foresee(move, orphan, placed);
            }
        }
    }
    foresee_placed(placed);
    if (forgotten != 0) {
        foreseen.events.push_back({.kind = EventKind::kForgotten,
                                   .text = count(forgotten, "target") +
                                           " discovered no more: nobody scrapes " +
                                           (forgotten == 1 ? "it" : "them")});
    }
}

void Leader::Body::foresee(const ExplainedMove& move,
                           bool orphan,
                           std::vector<ExplainedMove>& placed) {
    foreseen.moves.emplace_back(move.reason, move.series);
    if (orphan) {
        placed.push_back(move);
        return;
    }
    foreseen.events.push_back(
        {.kind = EventKind::kMoveBegun,
         .node = move.from,
         .other = move.to,
         .target = move.target,
         .text = target_name(move.target) + " (" + std::to_string(move.series) +
                 " series) moves from " + node_name(move.from) + " to " + node_name(move.to) +
                 ": " + std::string(explain(move.reason)) + "; " + share(move.from_before) + " → " +
                 share(move.from_after) + " and " + share(move.to_before) + " → " +
                 share(move.to_after) + " of their budgets"});
}

void Leader::Body::foresee_placed(const std::vector<ExplainedMove>& placed) {
    std::map<NodeNumber, std::pair<size_t, uint64_t>> receivers;  // targets, series
    for (const ExplainedMove& move : placed) {
        auto& [targets, series] = receivers[move.to];
        ++targets;
        series += move.series;
        if (placed.size() <= kPlacedEventsMax) {
            const std::string lost =
                move.from == kNoNode ? "" : ", which " + node_name(move.from) + " had";
            foreseen.events.push_back({.kind = EventKind::kPlaced,
                                       .node = move.from,
                                       .other = move.to,
                                       .target = move.target,
                                       .text = node_name(move.to) + " gets " +
                                               target_name(move.target) + " (" +
                                               std::to_string(move.series) + " series)" + lost});
        }
    }
    if (placed.size() <= kPlacedEventsMax) {
        return;
    }
    for (const auto& [node, sums] : receivers) {
        foreseen.events.push_back({.kind = EventKind::kPlaced,
                                   .other = node,
                                   .text = node_name(node) + " gets " +
                                           count(sums.first, "target") + " that had no owner, of " +
                                           std::to_string(sums.second) + " series"});
    }
}

}  // namespace shard

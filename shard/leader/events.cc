#include "shard/leader/events.h"

#include "base/check.h"

namespace shard {

std::string_view name(EventKind kind) {
    switch (kind) {
        case EventKind::kLeads:
            return "leads";
        case EventKind::kLeadsNoMore:
            return "leads_no_more";
        case EventKind::kNodeJoined:
            return "node_joined";
        case EventKind::kNodeLife:
            return "node_life";
        case EventKind::kNodeAdmin:
            return "node_admin";
        case EventKind::kNodeRemoved:
            return "node_removed";
        case EventKind::kNodeRefused:
            return "node_refused";
        case EventKind::kTakeoverBegun:
            return "takeover_begun";
        case EventKind::kTakeoverEnded:
            return "takeover_ended";
        case EventKind::kPlaced:
            return "placed";
        case EventKind::kMoveBegun:
            return "move_begun";
        case EventKind::kMoveDone:
            return "move_done";
        case EventKind::kMoveAborted:
            return "move_aborted";
        case EventKind::kForgotten:
            return "forgotten";
        case EventKind::kPaused:
            return "paused";
        case EventKind::kResumed:
            return "resumed";
        case EventKind::kVoters:
            return "voters";
        case EventKind::kPlanApplied:
            return "plan_applied";
    }
    SKEIN_CHECK(false, "an unknown kind of event", static_cast<int>(kind));
}

}  // namespace shard

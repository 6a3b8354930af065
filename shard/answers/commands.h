// What people tell the cluster to do: from words to an edit of the table.
// source: docs/cluster-api.md
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "shard/answers/view.h"

namespace shard {

inline constexpr std::chrono::hours kMaintenanceMax{30 * 24};

// Something to be done on the leader.
struct Command {
    enum class Kind : uint8_t {
        kNothing,    // it is so already
        kEdit,       // Leader::edit()
        kApplyPlan,  // Leader::apply_plan()
        kTransfer,   // Member::transfer()
    };

    Kind kind = Kind::kNothing;
    Edit edit;
    bool full = false;        // of kApplyPlan
    NodeNumber to = kNoNode;  // of kTransfer; kNoNode: whichever is furthest
    std::string done;         // what has happened then, for people
};

// what         pause, resume, drain, undrain, move, transfer, remove, plan/apply
// parameters   drain, undrain, remove: node; drain: maintenance (a duration such as 30m, instead of
//              moving its targets); move: target (an id), to (a node), slot; transfer: to;
//              plan/apply: full
// errors       kUnavailable: this node does not lead; kNotFound: no such node or target, and those
//              there are; kInvalid: what makes no sense, and what to do instead
[[nodiscard]] base::Result<Command> make_command(const ClusterView& view,
                                                 std::string_view what,
                                                 const Parameters& parameters,
                                                 int64_t now_ms);

// Whether `what` is one of those.
[[nodiscard]] bool is_command(std::string_view what);

}  // namespace shard

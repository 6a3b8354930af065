// Where targets should be: a pure function of what there is. Moves as little as it can.
// source: docs/placement.md
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "model/target.h"
#include "shard/types.h"

namespace shard {

// What a node is good for in a plan.
enum class NodeUse : uint8_t {
    kTakes,    // keeps its targets, takes others, gives what is too much
    kGives,    // takes none, gives what is too much: its disk or memory is full
    kKeeps,    // keeps what it has, takes none: suspected, in maintenance
    kEmpties,  // gives them all away: draining
    kGone,     // has none: its slots are orphans
};

struct PlanNode {
    NodeNumber number = kNoNode;
    NodeUse use = NodeUse::kTakes;
    uint32_t zone = 0;          // nodes of one zone have the same; 0: a zone of its own each
    uint64_t capacity = 0;      // series; >= 1
    uint64_t other_series = 0;  // active series that are no target's: pushed, rules
    uint64_t ghost_series = 0;  // of targets that left; go with the next block cut
    uint32_t moves_in = 0, moves_out = 0;  // under way
};

// One target; `owners` are positions in PlanInput::nodes, kNoOwner for an orphan's slot.
struct PlanTarget {
    model::TargetId id = 0;
    uint32_t job = 0;
    uint32_t first_owner = 0;  // in PlanInput::owners
    uint8_t slots = 1;
    uint8_t moving_slot = kNotMoving;
    uint64_t series = 0;     // measured, or what such targets have
    uint32_t moved_s = 0;    // when it last moved or was placed, 0: long ago
    uint32_t moving_to = 0;  // position in PlanInput::nodes, when it moves

    static constexpr uint8_t kNotMoving = 0xff;
};

inline constexpr uint32_t kNoOwner = UINT32_MAX;

// That a node cannot scrape a target, or had it before.
struct PlanMark {
    model::TargetId target = 0;
    uint32_t node = 0;  // position in PlanInput::nodes
};

// That a node's configuration of a job is another one: it keeps the job's targets, and gets no
// others.
struct PlanJobMark {
    uint32_t job = 0;
    uint32_t node = 0;  // position in PlanInput::nodes
};

// Ratios are shares (load / capacity) over the mean share of the nodes that take, give or,
// but for a full plan, keep.
struct PlannerOptions {
    double target_ratio = 1.02;  // highest / mean that a full plan aims at
    double calm_ratio = 1.10;    // below it nothing is moved to balance
    double relief_ratio = 1.05;  // what lies above calm_ratio is brought down to it, no receiver
                                 // gets above it
    double low_ratio = 0.90;     // nodes below it are filled
    double fill_ratio = 0.95;    // so far
    double budget_high = 0.85;   // share above which nodes give away when others have room
    double budget_hard = 1.0;    // share above which that comes before balance
    double gain_min = 0.02;      // by which, of the mean, a pair's higher share must sink for a
                                 // single move or a swap that leaves it above relief_ratio
    double near_ratio = 0.05;    // of the mean: an orphan goes back to where it was when no other
                                 // node is emptier by more
    uint32_t moves_per_plan_min = 8;
    double targets_per_plan = 0.002;
    double targets_per_minute = 0.01;
    double series_per_minute = 0.02;
    uint32_t moves_per_node = 4;       // in and out, at a time each
    uint32_t settle_s = 30 * 60;       // that a target stays where it was moved to
    double orphan_budget_part = 0.25;  // of a node's free budget that one plan gives it in orphans
                                       // while other nodes have room
    bool full = false;                 // no damping, no bounds: as after a cold start
};

struct PlanInput {
    std::span<const PlanNode> nodes;      // by number
    std::span<const PlanTarget> targets;  // by id
    std::span<const uint32_t> owners;
    std::span<const PlanMark> unable;    // by target; nodes that could not scrape it a while ago
    std::span<const PlanMark> previous;  // by target; who had it before it went away
    std::span<const PlanJobMark> foreign_jobs;  // by job and node
    uint32_t now_s = 0;
    // Moved for balance in the last minute.
    uint32_t recent_moves = 0;
    uint64_t recent_series = 0;
    PlannerOptions options;
};

enum class MoveReason : uint8_t {
    kOrphan,      // has no owner in this slot
    kSameNode,    // two slots on one node
    kSameZone,    // two slots in one zone, and there are others
    kUnable,      // the owner cannot scrape it
    kDrain,       // the owner is to be emptied
    kOverBudget,  // the owner holds more than it should
    kBalance,     // the owner holds more than others
    kFill,        // the new owner holds little
    kSwap,        // made room for another move
};

inline constexpr size_t kMoveReasons = 9;

[[nodiscard]] std::string_view name(MoveReason reason);
// Why, in a sentence's part: "it holds more than others".
[[nodiscard]] std::string_view explain(MoveReason reason);

struct PlannedMove {
    uint32_t target = 0;  // position in PlanInput::targets
    uint8_t slot = 0;
    // Positions in PlanInput::nodes. Of an orphan, which is placed at once: kNoOwner or a node that
    // is gone.
    uint32_t from = kNoOwner;
    uint32_t to = 0;
    MoveReason reason = MoveReason::kBalance;
    // Load / capacity of the two before this move and after it, all moves before it done. 0 for the
    // `from` of an orphan.
    float from_before = 0, from_after = 0, to_before = 0, to_after = 0;
};

struct Plan {
    std::vector<PlannedMove> moves;  // in the order they should begin
    // Highest share / mean share of the nodes that take or give; the mean is what it is when all
    // slots are placed and draining nodes empty.
    double ratio_before = 0, ratio_after = 0;
    double mean = 0;        // that mean share
    uint64_t unplaced = 0;  // orphan slots that no node may take: fewer nodes than slots
    // Moves wanted beyond a bound, which come with later plans: draining slots and validity are
    // counted one by one, nodes that would give or get more as one each. 0: the plan is complete.
    uint64_t held_back = 0;
    // That hold all of it, no one above its budget: first fit, largest first, into nodes of the
    // median capacity less the median of what is no target's. Strictly less than the budget; what
    // is larger has a node of its own. At least the most slots of a target, and 1.
    uint32_t needed_nodes = 0;
    std::vector<uint32_t> over_budget;  // positions of nodes that stay above budget_hard
};

// Same input, same plan, on every machine. A plan that holds nothing back, carried out, is followed
// by an empty one.
//   input   owners and marks name positions in `nodes`; targets have 1 .. kReplicasMax slots
//   cost    one pass over the targets; sorting only of what must move and of nodes that give
// source: docs/placement.md
[[nodiscard]] Plan make_plan(const PlanInput& input);

}  // namespace shard

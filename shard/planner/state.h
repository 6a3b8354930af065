// What a plan is made on: who owns what, every node's load, and the moves planned so far.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "shard/planner/needed_nodes.h"
#include "shard/planner/planner.h"

namespace shard {

// A slot, with the series of its target.
struct SlotRef {
    uint64_t series = 0;
    uint32_t target = 0;  // positions
    uint8_t slot = 0;
    bool alone = true;  // the only one of its target
};

// Largest first; equal ones by target and slot.
[[nodiscard]] inline bool larger(const SlotRef& a, const SlotRef& b) {
    return a.series != b.series   ? a.series > b.series
           : a.target != b.target ? a.target < b.target
                                  : a.slot < b.slot;
}

// A slot that nobody has, with what placing it asks of its target: orphans come by size, and their
// targets lie all over the memory.
struct Orphan {
    SlotRef slot;
    uint32_t job = 0;
    uint32_t at = 0;  // in PlanInput::owners
    model::TargetId id = 0;
};

struct NodeState {
    NodeUse use = NodeUse::kTakes;
    NodeNumber number = kNoNode;
    uint32_t zone = 0;
    uint32_t slots = 0;
    uint64_t load = 0;  // series of its slots and others, without ghosts
    uint64_t ghosts = 0;
    double capacity = 1;
    double share = 0;  // load / capacity

    // Whether it takes part in balancing.
    [[nodiscard]] bool balances() const { return use == NodeUse::kTakes || use == NodeUse::kGives; }

    [[nodiscard]] double share_with(double series) const {
        return (static_cast<double>(load) + series) / capacity;
    }

    [[nodiscard]] double share_without(double series) const {
        return (static_cast<double>(load) - series) / capacity;
    }
};

// The same for a target and a node on every machine, and even over the nodes.
[[nodiscard]] inline uint64_t rendezvous(model::TargetId target, NodeNumber node) {
    // The finish of splitmix64.
    uint64_t mixed = target ^ (uint64_t{node} * 0x9e3779b97f4a7c15);
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
    return mixed ^ (mixed >> 31);
}

// The working copy of one plan. A slot that moves counts where it goes.
//   lifetime  `input` outlives it
class PlanState {
  public:
    explicit PlanState(const PlanInput& input);

    [[nodiscard]] const PlanInput& input() const { return input_; }

    [[nodiscard]] const PlannerOptions& options() const { return input_.options; }

    [[nodiscard]] const PlanTarget& target(uint32_t position) const {
        return input_.targets[position];
    }

    [[nodiscard]] std::span<const NodeState> nodes() const { return nodes_; }

    [[nodiscard]] const NodeState& node(uint32_t position) const { return nodes_[position]; }

    [[nodiscard]] uint32_t owner(uint32_t target, uint8_t slot) const {
        return owners_[input_.targets[target].first_owner + slot];
    }

    // By owner, as PlanInput::owners; what moves is where it goes, what is lost has none.
    [[nodiscard]] std::span<const uint32_t> owners() const { return owners_; }

    // --- what the first look found
    // ---------------------------------------------------------------------

    [[nodiscard]] std::vector<Orphan>& orphans() { return orphans_; }

    [[nodiscard]] std::vector<SlotRef>& drains() { return drains_; }

    // Slots whose node is marked as unable, by target.
    [[nodiscard]] const std::vector<SlotRef>& unable() const { return unable_; }

    // Targets with two slots on one node, or in fewer zones than they could be, by position.
    [[nodiscard]] const std::vector<uint32_t>& crowded() const { return crowded_; }

    // Slots between two nodes that are gone: nobody can be found for them until the move is given
    // up.
    [[nodiscard]] uint64_t stuck() const { return stuck_; }

    [[nodiscard]] uint64_t slots() const { return slots_; }

    [[nodiscard]] uint64_t series() const { return series_; }  // of all slots

    [[nodiscard]] uint32_t slots_max() const { return slots_max_; }

    [[nodiscard]] const SizeCounts& sizes() const { return sizes_; }

    // Series of targets over the capacity of the nodes that balance, all placed and drained.
    [[nodiscard]] double mean_share() const { return mean_share_; }

    [[nodiscard]] double highest_share() const;

    // --- where a slot may go
    // ----------------------------------------------------------------------

    // Whether another slot of the target is there.
    [[nodiscard]] bool holds_other(uint32_t target, uint8_t slot, uint32_t node) const;

    // The zones of a target's other slots; those without a zone are left out.
    struct Zones {
        std::array<uint32_t, kReplicasMax> zone{};
        uint32_t count = 0;
        [[nodiscard]] bool has(uint32_t wanted) const;
    };

    void zones_of_others(uint32_t target, uint8_t slot, Zones& zones) const;
    // Whether the node is marked as unable, or has another idea of the target's job.
    [[nodiscard]] bool refused(uint32_t target, uint32_t node) const;
    [[nodiscard]] std::span<const PlanMark> previous(uint32_t target) const;
    // Whether a plan that nothing forces may move the slot now.
    [[nodiscard]] bool may_move(uint32_t target, uint8_t slot) const;
    // Whether it moves already, or was planned to in this plan.
    [[nodiscard]] bool taken(uint32_t target) const;

    // --- planning
    // --------------------------------------------------------------------------------

    // Makes room for that many moves.
    void reserve(size_t moves) { moves_.reserve(moves); }

    void move(const SlotRef& slot, uint32_t to, MoveReason reason);

    // An orphan's first and only move of this round.
    void place(const Orphan& orphan, uint32_t to);

    // From now on what was planned before may be planned anew: the plan holds what comes of it.
    void next_round() { ++round_; }

    [[nodiscard]] size_t planned() const { return moves_.size(); }

    // Whether slots of a node that is gone were placed.
    [[nodiscard]] bool took_over() const { return took_over_; }

    // Fetches the memory that an orphan is placed in soon.
    void expect(const Orphan& orphan) const {
        __builtin_prefetch(&input_.owners[orphan.at]);
        __builtin_prefetch(&owners_[orphan.at], 1);
        if (!first_move_.empty()) {
            __builtin_prefetch(&first_move_[orphan.slot.target], 1);
        }
    }

    // The moves, in order, with the shares they find and leave.
    [[nodiscard]] std::vector<PlannedMove> take_moves();

  private:
    struct Planned {
        PlannedMove move;
        uint64_t series = 0;
        uint32_t round = 0;
        bool undone = false;
    };

    void read_nodes();
    void read_targets();
    void read_slots(uint32_t position, const PlanTarget& target);
    void read_unable();
    void count(uint32_t node, uint64_t series);
    void settle_at(uint32_t node, uint64_t series);
    void plan(const SlotRef& slot, uint32_t from, uint32_t to, MoveReason reason);
    [[nodiscard]] uint32_t count_zones() const;
    [[nodiscard]] bool is_crowded(const PlanTarget& target) const;
    [[nodiscard]] Planned* planned(uint32_t target, uint8_t slot);
    [[nodiscard]] const Planned* planned(uint32_t target, uint8_t slot) const;

    const PlanInput& input_;
    std::vector<NodeState> nodes_;
    std::vector<uint64_t> loads_before_;
    std::vector<uint32_t> owners_;
    std::vector<Orphan> orphans_;
    std::vector<SlotRef> drains_, unable_;
    std::vector<uint32_t> crowded_;
    std::vector<uint32_t> first_move_;  // by target: 1 + position in moves_; empty: none is planned
    std::vector<Planned> moves_;
    uint64_t slots_ = 0;
    uint64_t series_ = 0;
    uint64_t stuck_ = 0;
    uint32_t slots_max_ = 0;
    uint32_t round_ = 0;
    SizeCounts sizes_;
    uint32_t zones_ = 0;  // of the nodes that take, each without one counted
    double mean_share_ = 0;
    bool took_over_ = false;
};

}  // namespace shard

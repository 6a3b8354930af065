// What a move for balance must not make worse.
#pragma once

#include "shard/planner/levels.h"
#include "shard/planner/state.h"

namespace shard {

//   lifetime  `state` outlives it
class BalanceRules {
  public:
    explicit BalanceRules(const PlanState& state) : state_(state), levels_(state) {}

    [[nodiscard]] const Levels& levels() const { return levels_; }

    // Whether the slot is as well apart from its target's others there as where it is.
    [[nodiscard]] bool fits(const SlotRef& slot, uint32_t to) const {
        const PlanTarget& target = state_.target(slot.target);
        if (target.slots > 1) {
            if (state_.holds_other(slot.target, slot.slot, to)) {
                return false;
            }
            PlanState::Zones zones;
            state_.zones_of_others(slot.target, slot.slot, zones);
            const uint32_t from = state_.owner(slot.target, slot.slot);
            if (zones.has(state_.node(to).zone) && !zones.has(state_.node(from).zone)) {
                return false;
            }
        }
        return !state_.refused(slot.target, to);
    }

    [[nodiscard]] bool admits(uint32_t node, double series) const {
        const NodeState& its = state_.node(node);
        return its.share_with(series + static_cast<double>(its.ghosts)) <= levels_.admission();
    }

    // A receiver may go over its budget when the giver was further over its own.
    [[nodiscard]] bool admits_or_better(uint32_t to, double series, uint32_t from) const {
        const NodeState& taker = state_.node(to);
        const NodeState& giver = state_.node(from);
        return admits(to, series) ||
               taker.share_with(series + static_cast<double>(taker.ghosts)) < giver.share;
    }

    // Whether a move lowers the sum of load² / capacity.
    [[nodiscard]] bool helps(double series, uint32_t from, uint32_t to) const {
        const NodeState& giver = state_.node(from);
        const NodeState& taker = state_.node(to);
        return giver.share + giver.share_without(series) > taker.share + taker.share_with(series);
    }

  private:
    const PlanState& state_;
    const Levels levels_;
};

}  // namespace shard

// The shares that balancing aims at.
#pragma once

#include "shard/planner/state.h"

namespace shard {

struct Levels {
    explicit Levels(const PlanState& state);

    // Which reason a node has to give, or that it has none.
    enum class Excess : uint8_t { kNone, kHigh, kHard };

    [[nodiscard]] Excess excess(const NodeState& node) const;

    // How far such a node is brought down, and how far its receivers may go up.
    [[nodiscard]] double giver_goal(const NodeState& node) const;
    [[nodiscard]] double receiver_limit(const NodeState& giver) const;

    // How far a node's series and ghosts together may go up.
    [[nodiscard]] double admission() const { return std::max(budget_hard, relief); }

    [[nodiscard]] bool is_low(const NodeState& node) const {
        return node.use == NodeUse::kTakes && node.share < low;
    }

    double mean = 0;
    double calm = 0;    // above it a node gives
    double relief = 0;  // so far
    double low = 0;     // below it a node is filled
    double fill = 0;    // so far
    double fill_most = 0;
    double gain_min = 0;
    double budget_high = 0;
    double budget_hard = 0;
};

}  // namespace shard

#include "shard/planner/levels.h"

#include <algorithm>

namespace shard {

namespace {

// Of a full plan, in which every move is free: a thousandth of the mean.
constexpr double kFullGainMin = 0.001;

}  // namespace

Levels::Levels(const PlanState& state) {
    const PlannerOptions& options = state.options();
    mean = state.mean_share();
    budget_high = options.budget_high;
    budget_hard = options.budget_hard;
    fill_most = mean;
    if (!options.full) {
        calm = options.calm_ratio * mean;
        relief = options.relief_ratio * mean;
        low = options.low_ratio * mean;
        fill = options.fill_ratio * mean;
        gain_min = options.gain_min * mean;
        return;
    }
    const double part = options.target_ratio - 1;
    calm = (1 + part) * mean;
    relief = (1 + part / 2) * mean;
    low = (1 - part) * mean;
    fill = (1 - part / 2) * mean;
    gain_min = kFullGainMin * mean;
}

Levels::Excess Levels::excess(const NodeState& node) const {
    if (!node.balances() || mean <= 0) {
        return Excess::kNone;
    }
    // When all are over budget there is no room elsewhere: then they are balanced like any others.
    if (mean < budget_hard && node.share > budget_hard) {
        return Excess::kHard;
    }
    const bool room = mean < budget_high;
    if (node.share > calm || (room && node.share > budget_high && node.share > relief)) {
        return Excess::kHigh;
    }
    return Excess::kNone;
}

double Levels::giver_goal(const NodeState& node) const {
    return excess(node) == Excess::kHard ? std::min(relief, budget_hard) : relief;
}

double Levels::receiver_limit(const NodeState& giver) const {
    double limit = giver_goal(giver);
    if (giver.share <= calm && excess(giver) == Excess::kHigh) {
        limit = std::min(limit, budget_high);
    }
    return limit;
}

}  // namespace shard

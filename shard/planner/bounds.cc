#include "shard/planner/bounds.h"

#include <algorithm>

namespace shard {

PlanBounds::PlanBounds(const PlanState& state) : full_(state.options().full) {
    const PlannerOptions& options = state.options();
    const auto slots = static_cast<double>(state.slots());
    const auto series = static_cast<double>(state.series());
    const uint64_t least = options.moves_per_plan_min;
    plan_left_ = std::max(least, static_cast<uint64_t>(slots * options.targets_per_plan));
    const uint64_t per_minute =
        std::max(least, static_cast<uint64_t>(slots * options.targets_per_minute));
    minute_left_ = per_minute - std::min<uint64_t>(per_minute, state.input().recent_moves);
    // Where targets are few, as much as the least number of them has.
    const double few = slots > 0 ? series / slots * static_cast<double>(least) : 0;
    series_most_ = std::max(series * options.series_per_minute, few);
    series_moved_ = static_cast<double>(state.input().recent_series);
    for (const PlanNode& node : state.input().nodes) {
        const uint32_t most = options.moves_per_node;
        in_left_.push_back(most - std::min(most, node.moves_in));
        out_left_.push_back(most - std::min(most, node.moves_out));
    }
}

bool PlanBounds::balance(double series) const {
    // A target that is more than a minute's part moves alone.
    return full_ || (plan_left_ > 0 && minute_left_ > 0 &&
                     (series_moved_ == 0 || series_moved_ + series <= series_most_));
}

void PlanBounds::repaired(uint32_t from, uint32_t to) {
    plan_left_ -= plan_left_ > 0 ? 1 : 0;
    in_left_[to] -= in_left_[to] > 0 ? 1 : 0;
    out_left_[from] -= out_left_[from] > 0 ? 1 : 0;
}

void PlanBounds::balanced(uint32_t from, uint32_t to, double series) {
    repaired(from, to);
    minute_left_ -= minute_left_ > 0 ? 1 : 0;
    series_moved_ += series;
}

}  // namespace shard

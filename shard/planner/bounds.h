// How much one plan may move.
#pragma once

#include <cstdint>
#include <vector>

#include "shard/planner/state.h"

namespace shard {

// Orphans are beyond these bounds, and so is everything in a full plan.
class PlanBounds {
  public:
    explicit PlanBounds(const PlanState& state);

    // Whether one more slot may be moved because it must not stay. A node that empties gives as
    // much as others take.
    [[nodiscard]] bool repair() const { return full_ || plan_left_ > 0; }

    // Whether one more slot may be moved to balance.
    [[nodiscard]] bool balance(double series) const;

    [[nodiscard]] bool takes(uint32_t node) const { return full_ || in_left_[node] > 0; }

    [[nodiscard]] bool gives(uint32_t node) const { return full_ || out_left_[node] > 0; }

    void repaired(uint32_t from, uint32_t to);
    void balanced(uint32_t from, uint32_t to, double series);

  private:
    bool full_;
    uint64_t plan_left_ = 0;
    uint64_t minute_left_ = 0;
    double series_moved_ = 0;  // in this minute
    double series_most_ = 0;
    std::vector<uint32_t> in_left_, out_left_;  // by node
};

}  // namespace shard

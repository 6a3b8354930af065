// Brings nodes that hold too much down, and nodes that hold little up, with few large moves.
#pragma once

#include "shard/planner/work.h"

namespace shard {

// Until no move helps. Every move, and every swap as a whole, lowers the sum of load² / capacity.
void balance(PlanWork& work);

// How many nodes would give or get something: what balance() would look at.
[[nodiscard]] uint64_t count_unbalanced(const PlanWork& work);

}  // namespace shard

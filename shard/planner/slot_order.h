// Orphans by size.
#pragma once

#include <vector>

#include "shard/planner/state.h"

namespace shard {

// Sorts as larger() does, in a few passes whatever their number.
//   orphans  by target and slot
void sort_largest_first(std::vector<Orphan>& orphans);

}  // namespace shard

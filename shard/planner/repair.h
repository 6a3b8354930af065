// What must not stay as it is: lost slots, slots too close to one another, nodes that empty.
#pragma once

#include "shard/planner/work.h"

namespace shard {

// Slots that share a node, or a zone while there are others, or are where they cannot be scraped.
void mend_validity(PlanWork& work);
// Gives every slot without an owner one, largest first.
void place_orphans(PlanWork& work);
void empty_draining(PlanWork& work);

}  // namespace shard

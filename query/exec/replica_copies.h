// Accounts of one series that are the same samples, as uploading or replicating makes them.
#pragma once

#include <vector>

#include "query/exec/columns.h"

namespace query::exec {

// Unites accounts, each in order, that are copies: where both have a sample at one time it is the
// same, such samples are at least half of what the smaller one has in the time that both span, and
// no sample that only one has is followed within half an interval by one that only the other has.
// Leaves accounts that are nobody's copy, in their order, and none that is empty.
void unite_copies(std::vector<Columns>& accounts);

}  // namespace query::exec

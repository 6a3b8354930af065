// Counting the head's labels for the status page.
#pragma once

#include <cstddef>

#include "tsdb/head/head.h"
#include "tsdb/status.h"

namespace tsdb {

// The `limit` largest of each. Costs a walk over all label values; cache it.
[[nodiscard]] Cardinality count_cardinality(const Head& head, size_t limit);

}  // namespace tsdb

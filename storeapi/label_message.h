// Labels into messages.
#pragma once

#include "model/labels.h"

namespace thanos {
class ZLabelSet;
}  // namespace thanos

namespace storeapi {

// Sorted by name, as receivers expect them.
void put_labels(const model::Labels& labels, thanos::ZLabelSet& message);

// The labels with those of the node put in, which override.
[[nodiscard]] model::Labels with_external(const model::Labels& labels,
                                          const model::Labels& external);

}  // namespace storeapi

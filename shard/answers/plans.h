// Plans, explained, and what would come of changes, as JSON. source: docs/cluster-api.md
#pragma once

#include "shard/answers/view.h"

namespace shard {

inline constexpr uint64_t kMovesLimit = 1'000;       // of an answer, when none is given
inline constexpr uint64_t kMovesLimitMax = 100'000;  // that can be asked for

// What would be done now; nothing is carried out.
//   parameters  full, limit
//   errors      kUnavailable: this node does not lead; kInvalid
[[nodiscard]] base::Result<Finish> plan_reply(const ClusterView& view,
                                              const Parameters& parameters);

// parameters  add, budget, zone (of nodes that are added); drain, lose (ids of nodes, with commas);
//             lose_zone; grow (a job) with factor; full; limit
// errors      kUnavailable, kInvalid; then those of WhatIf::run()
[[nodiscard]] base::Result<Finish> simulate_reply(const ClusterView& view,
                                                  const Parameters& parameters);

}  // namespace shard

// The event log, as JSON. source: docs/cluster-api.md
#pragma once

#include "shard/answers/view.h"

namespace shard {

inline constexpr uint64_t kHistoryLimit = 100;        // of an answer, when none is given
inline constexpr uint64_t kHistoryLimitMax = 10'000;  // that can be asked for

// Newest first.
//   parameters  limit; since (seconds since 1970, with a fraction or without: later ones); kind;
//               node (an id)
//   errors      kUnavailable: this node does not lead; kInvalid; kNotFound
[[nodiscard]] base::Result<Finish> history_reply(const ClusterView& view,
                                                 const Parameters& parameters);

}  // namespace shard

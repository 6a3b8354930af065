// Questions about the cluster, answered from what one node knows. source: docs/cluster-api.md
#pragma once

#include <string_view>

#include "shard/answers/view.h"

namespace shard {

// what    status, nodes, targets, plan, history, simulate
// errors  those of each; kNotFound: no such question
// returns what finishes the answer; call it without the view, on a thread that may take its time
[[nodiscard]] base::Result<Finish> look(const ClusterView& view,
                                        std::string_view what,
                                        const Parameters& parameters);

// Whether `what` is one of those that only a leader can answer.
[[nodiscard]] bool needs_leader(std::string_view what);

}  // namespace shard

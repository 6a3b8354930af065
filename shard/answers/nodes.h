// The cluster as a whole and its nodes, as JSON. source: docs/cluster-api.md
#pragma once

#include <string>

#include "shard/answers/view.h"

namespace shard {

// "live", "suspect", …, or what people wanted of a node that is there: "draining", …; "unknown"
// where nobody leads.
[[nodiscard]] std::string node_state(const NodeRecord& record, const NodeStatus* status);
[[nodiscard]] std::string_view name(Admin admin);

// {cluster_id, leader, term, epoch, …, nodes: […]}
[[nodiscard]] Reply status_reply(const ClusterView& view);
// […]
[[nodiscard]] Reply nodes_reply(const ClusterView& view);

}  // namespace shard

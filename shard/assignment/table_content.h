// All that is in the table, as the value that edits change and snapshots hold.
#pragma once

#include <string>
#include <vector>

#include "shard/assignment/job_names.h"
#include "shard/assignment/table.h"
#include "shard/assignment/target_store.h"

namespace shard {

struct TableContent {
    std::string cluster_id;
    Epoch epoch = 0;
    bool paused = false;
    NodeNumber next_node = 1;         // numbers before it were given
    std::vector<NodeRecord> nodes;    // by number
    std::vector<Takeover> takeovers;  // by node
    JobNames jobs;
    TargetStore targets;
};

// Null: there is none. `nodes` are by number.
[[nodiscard]] const NodeRecord* find_node(std::span<const NodeRecord> nodes, NodeNumber number);

}  // namespace shard

// What one node knows of its cluster at one moment, and how answers are made of it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "shard/assignment/table.h"
#include "shard/leader/leader.h"
#include "shard/session/messages.h"

namespace shard {

// Borrowed from the thread that owns it; not kept by any answer, but for `descriptor`.
struct ClusterView {
    std::string cluster_id;  // empty: it belongs to none yet
    std::string self_id;
    std::string leader_id;  // empty: nobody known
    uint64_t term = 0;
    Epoch epoch = 0;
    // Null where it takes no part in consensus.
    const Table* table = nullptr;
    // Null unless it leads.
    const Leader* leader = nullptr;
    std::vector<uint64_t> voters, learners;  // their members; of consensus
    std::span<const KnownNode> known;        // as the last leader told
    const std::map<model::TargetId, AssignedTarget>* holds = nullptr;  // own; null: not known
    // What a target is; null where it is not discovered here. Called from any thread, also after
    // the view is gone.
    std::function<std::shared_ptr<const TargetDescriptor>(model::TargetId)> descriptor;
    std::string problem;  // of this node's part in the cluster; usually empty
};

using Parameters = std::map<std::string, std::string, std::less<>>;

struct Reply {
    std::string json;  // what stands under "data"
    std::vector<std::string> warnings;
};

// The rest of an answer, which needs the view no more and may take long.
using Finish = std::function<base::Result<Reply>()>;

}  // namespace shard

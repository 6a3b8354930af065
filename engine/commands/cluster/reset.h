// Makes a node forget its cluster: skein cluster reset.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/kv_store.h"
#include "base/random.h"
#include "base/result.h"
#include "shard/types.h"

namespace engine {

// What a node knows of its cluster.
struct ClusterState {
    std::string node_id;     // empty: it never started
    std::string cluster_id;  // empty: it belongs to none
    shard::NodeNumber number = shard::kNoNode;
    size_t targets = 0;      // that it was given
    bool votes = false;      // it keeps the cluster's log
    std::string unreadable;  // what is wrong with the above, where it cannot be read
};

// Opens the state in a data folder that no server runs on.
//   errors  kNotFound: there is none; kUnavailable: a server runs; those of open_state_store
[[nodiscard]] base::Result<std::unique_ptr<base::KvStore>> open_stopped_state(
    base::Files& files, const base::Path& data_folder);

[[nodiscard]] base::Result<ClusterState> cluster_state(base::KvStore& store);

// Forgets the cluster, all of it or nothing, and draws a new member id, so that nobody takes this
// node for the member it was. Samples, metadata and the node's id stay.
//   returns  the new member id
[[nodiscard]] base::Result<uint64_t> forget_cluster(base::KvStore& store, base::Random& random);

// `words` stand behind the verb. Returns the exit code.
[[nodiscard]] int cluster_reset(const std::vector<std::string>& words);

}  // namespace engine

// A cluster in one process: nodes that are asked without a connection.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "test/storeapi/peers_fixture.h"

namespace storeapi_test {

// What a node is, and does.
struct NodeState {
    model::Queryable* storage = nullptr;
    base::Mutex mutex;
    storeapi::PeerFacts facts GUARDED_BY(mutex);
    std::atomic<bool> down{false};
    std::atomic<bool> hang{false};  // in ask_facts()
    std::atomic<bool> failing{false};
    bool fragments = true;
    model::Partial partial;
};

// A peer that gives the node's series as they lie.
[[nodiscard]] std::unique_ptr<storeapi::Peer> local_node(std::string address, NodeState& state);

// This node "own", and others by address, all in memory.
struct Cluster {
    explicit Cluster(const std::vector<std::string>& addresses, bool with_own = true);

    // Waits until the endpoint is as healthy as that.
    void wait_health(const std::string& address, bool healthy);

    std::unique_ptr<Storage> own = memory_storage();
    std::map<std::string, std::unique_ptr<Storage>> storages;
    std::map<std::string, NodeState> states;
    std::unique_ptr<PeersBed> bed;
};

}  // namespace storeapi_test

// Whether a simulated cluster is at rest: what is decided is what is done, everywhere.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "shard/session/messages.h"
#include "test/sim/cluster_host.h"
#include "test/sim/cluster_targets.h"

namespace sim {

// By node's number: what it holds according to the table, and how.
using ExpectedHoldings = std::map<shard::NodeNumber, std::map<model::TargetId, shard::Held>>;

[[nodiscard]] ExpectedHoldings expected_holdings(const shard::Table& table);

class ClusterRest {
  public:
    ClusterRest(World& world, ClusterHost& host, ClusterTargets& targets, const ClusterPlan& plan)
        : world_(world), host_(host), targets_(targets), plan_(plan) {}

    // Everything is whole again: moves are given their time from now on.
    void begin() { moves_.clear(); }

    // "": it is. Otherwise what is missing. Every node must be up and running.
    [[nodiscard]] std::string missing();

  private:
    [[nodiscard]] std::string members() const;
    [[nodiscard]] std::string missing_of_voters(const shard::Member& leader) const;
    [[nodiscard]] std::string missing_of_table(const shard::Table& table);
    [[nodiscard]] std::string missing_of_node(const ClusterNode& node,
                                              const shard::Member& leader,
                                              const std::string& address,
                                              const ExpectedHoldings& expected) const;
    [[nodiscard]] std::string old_move(const shard::Table& table);

    World& world_;
    ClusterHost& host_;
    ClusterTargets& targets_;
    const ClusterPlan& plan_;
    std::map<std::pair<model::TargetId, shard::Epoch>, Time> moves_;  // when each was first seen
};

}  // namespace sim

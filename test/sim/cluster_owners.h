// Whether nodes scrape what the table says, and for how long they do not.
//
//   P1  what is discovered soon has all its owners in the table, as far as there are live nodes
//   X3  what a node scrapes and what it should, according to the table, differ no longer than three
//       intervals and 10 s, once everything is whole
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <string>

#include "shard/assignment/table.h"
#include "test/sim/cluster_host.h"
#include "test/sim/cluster_targets.h"

namespace sim {

class ClusterOwners {
  public:
    ClusterOwners(World& world, ClusterHost& host, ClusterTargets& targets)
        : world_(world), host_(host), targets_(targets) {}

    // Everything is whole from now on: what differs is given its time from now.
    void begin() { since_.clear(); }

    // To be called again and again while everything is whole.
    void look();

  private:
    static constexpr int kNoSlot = -1;

    // One that goes on is the same one; another order of the leader's begins another one.
    struct Difference {
        ProcessId process = kNoProcess;  // kNoProcess: of the table
        model::TargetId target = 0;
        int should = kNoSlot;
        int does = kNoSlot;

        auto operator<=>(const Difference&) const = default;
    };

    using Slots = std::map<model::TargetId, int>;

    [[nodiscard]] std::map<shard::NodeNumber, Slots> wanted(const shard::Table& table) const;
    [[nodiscard]] Time shortest() const;  // interval
    void compare_table(const shard::Table& table, size_t live);
    void compare_node(ProcessId process, const Slots& should);
    void differs(const Difference& difference);

    World& world_;
    ClusterHost& host_;
    ClusterTargets& targets_;
    std::map<Difference, Time> since_;  // when each was first seen
    std::map<Difference, Time> now_;    // … of those that this look has found
};

}  // namespace sim

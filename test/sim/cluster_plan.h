// How large a simulated cluster is, how it is set, and what it meets: drawn anew for every world.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/random.h"
#include "shard/membership/voters.h"
#include "shard/raft/driver.h"
#include "test/sim/cluster_targets.h"
#include "test/sim/faults.h"
#include "test/sim/network.h"

namespace sim {

// What happens to targets, and what operators do.
enum class ClusterEventKind : uint8_t {
    kGrow,      // a target has ten times as many series, for `length`
    kGiant,     // … twice as many as a node should have
    kDown,      // does not answer
    kSlow,      // answers too late
    kVanish,    // some targets of a job are not discovered
    kBurst,     // a job has more targets, for good
    kEmptyJob,  // discovery says that a job has none
    kFlap,      // it says so for a moment, several times
    kDrain,     // a node is to be emptied
    kHold,      // the cluster is paused
    kMove,      // a target is to move, now
    kTransfer,  // another voter is to lead
    kStop,      // a node stops on purpose and comes back
    kReload,    // another configuration, here first and there later
    kJumpFar,   // a node's clock is 5 minutes off
    kJoin,      // another node joins
};
inline constexpr size_t kClusterEventKinds = 16;

struct ClusterEvent {
    uint32_t round = 0;
    Time offset{};  // since the round began
    Time length{};
    ClusterEventKind kind = ClusterEventKind::kGrow;
    uint64_t pick = 0;   // says who, and
    uint64_t other = 0;  // who else, or how much

    [[nodiscard]] std::string text() const;
};

struct ClusterPlan {
    uint32_t nodes = 3;  // of --cluster.join
    uint32_t spare = 1;  // that may join later
    uint32_t zones = 1;
    uint64_t budget = 100'000;
    size_t voters = 3;
    shard::VoterOptions voter_options;
    shard::raft::DriverOptions raft;
    std::vector<JobPlan> jobs;
    NetworkProfile network;
    FaultPlan faults;
    Time event_gap = std::chrono::seconds(3);
};

[[nodiscard]] ClusterPlan draw_cluster_plan(base::Random& random);

// In the order in which they begin.
[[nodiscard]] std::vector<ClusterEvent> make_cluster_events(base::Random& random,
                                                            const ClusterPlan& plan);

}  // namespace sim

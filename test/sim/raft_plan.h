// How large a simulated raft group is, how it is set, and what it meets: drawn anew for every
// world.
#pragma once

#include "base/random.h"
#include "test/sim/faults.h"
#include "test/sim/network.h"
#include "test/sim/raft_clients.h"
#include "test/sim/raft_group.h"
#include "test/sim/world.h"

namespace sim {

inline constexpr Time kLateMax = std::chrono::seconds(10);  // that a message takes

// What is drawn for a world.
struct RaftPlan {
    GroupOptions group;
    ClientOptions clients;
    NetworkProfile network;
    FaultPlan faults;
};

[[nodiscard]] RaftPlan draw_raft_plan(base::Random& random);

}  // namespace sim

// A raft group's life, made from a seed: rounds of faults and calls; after each, everything is
// healed and the group has to come to rest within a bound; then one member is disturbed, which must
// not depose a healthy leader.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "test/sim/faults.h"
#include "test/sim/raft_clients.h"
#include "test/sim/raft_group.h"
#include "test/sim/world.h"

namespace sim {

// After everything is healed: one leader which all know, everybody has applied what is committed,
// every call is answered. Elections take 2 to 4 s each, a proposal whose leader fell waits up to
// 10 s for its fate.
inline constexpr Time kLivenessBound = std::chrono::seconds(30);
// Then: a command and a read are answered with success.
inline constexpr Time kAnswerBound = std::chrono::seconds(3);

struct RaftRun {
    uint64_t seed = 1;
    // Faults that take place, by their number; nothing: all of them.
    std::optional<std::vector<uint32_t>> keep;
    size_t trace_kept = 200;
    bool trace_echo = false;
};

struct RaftOutcome {
    std::optional<Failure> failure;
    uint64_t steps = 0;
    uint64_t hash = 0;       // of all events
    Time lived{};            // virtual
    uint64_t successes = 0;  // calls answered so
    raft::Index committed = 0;
    std::vector<Fault> faults;  // all, whether they took place or not
    std::string trace;          // the last events, of a failure
};

[[nodiscard]] RaftOutcome run_raft(const RaftRun& run);

// For a person: what broke, with which faults, and the command that runs it again.
[[nodiscard]] std::string explain(const RaftRun& run, const RaftOutcome& outcome);

}  // namespace sim

// A cluster's life, made from a seed: it is founded, meets faults, operators and changing targets;
// after each round everything is healed and must come to rest within a bound; then single things
// happen to a healthy cluster, which must cost no more than they may.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "test/sim/cluster_plan.h"
#include "test/sim/faults.h"
#include "test/sim/world.h"

namespace sim {

// After everything is healed: one leader which all know, who votes is who should, everything is
// scraped by exactly who the table says, and no move is older than it may be.
inline constexpr Time kClusterLivenessBound = std::chrono::seconds(120);

struct ClusterRun {
    uint64_t seed = 1;
    uint32_t nodes = 0;  // of --cluster.join; 0: drawn
    // Faults and events that take place, by their number; nothing: all of them.
    std::optional<std::vector<uint32_t>> keep;
    size_t trace_kept = 400;
    bool trace_echo = false;
};

struct ClusterOutcome {
    std::optional<Failure> failure;
    uint64_t steps = 0;
    uint64_t hash = 0;  // of all events
    Time lived{};       // virtual
    uint64_t samples = 0;
    std::vector<std::string> happenings;  // all, whether they took place or not
    std::string trace;                    // the last events, of a failure
};

[[nodiscard]] ClusterOutcome run_cluster(const ClusterRun& run);

// For a person: what broke, with which faults and events, and the command that runs it again.
[[nodiscard]] std::string explain(const ClusterRun& run, const ClusterOutcome& outcome);

}  // namespace sim

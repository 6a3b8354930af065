// The memory tree of a process and the threads it runs: computed once, from flags and machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "engine/cli.h"

namespace engine {

struct ProcessLimits {
    int64_t memory_bytes = 0;       // --storage.memory-limit, or three quarters of what there is
    std::string memory_from;        // whence
    int64_t query_bytes = 0;        // of one query: --query.max-memory, or a quarter of the above
    int64_t all_queries_bytes = 0;  // of all queries together: half of the whole
    int64_t cut_bytes = 0;  // kept ready for cutting the head, at most: a quarter of the whole
    size_t cores = 1;
    size_t scrape_lanes = 1;  // half the cores: a lane does millions of samples a second, and fewer
                              // share more wake-ups
    size_t query_threads = 1;  // pool that evaluates queries
};

// Series of a node that has the memory, one with another: what was measured (371 B, of ten labels
// each) and a third more, for longer labels and for series that come and go.
inline constexpr uint64_t kBytesPerSeries = 512;
inline constexpr uint64_t kSeriesBudgetMin = 1'000;  // of the rule below

// Active series that a node should hold at most: --cluster.series-budget, or cluster.series_budget,
// or, if both are 0, as many as fit into the quarter of the memory that queries and cutting blocks
// leave.
[[nodiscard]] uint64_t series_budget(uint64_t flag,
                                     uint64_t configured,
                                     const ProcessLimits& limits);

[[nodiscard]] ProcessLimits process_limits(const FlagValues& flags);

}  // namespace engine

// A node without --cluster.join: a cluster of one, which nobody changes. source:
// docs/cluster-api.md
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"
#include "scrape/manager.h"
#include "shard/session/questions.h"

namespace engine {

struct AloneFigures {
    std::string node_id;
    std::string address;  // of its gRPC server; empty: it has none
    uint64_t active_series = 0;
    uint64_t series_budget = 0;
    uint64_t memory_bytes = 0, memory_limit_bytes = 0;
};

// The same questions as in a cluster, of this node's own figures.
//   errors  kUnsupported: what needs a cluster; kNotFound: no such question
[[nodiscard]] base::Result<shard::Answer> answer_alone(const AloneFigures& figures,
                                                       const scrape::Manager& manager,
                                                       const shard::Question& question);

}  // namespace engine

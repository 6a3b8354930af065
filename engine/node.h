// One node: every part of the program, put together in the order it is needed and taken apart in
// the exact reverse.
#pragma once

#include <memory>

#include "base/metrics.h"
#include "base/result.h"
#include "engine/cli.h"

namespace engine {

// What a node is started with. Everything is borrowed and outlives the node.
struct NodeContext {
    const FlagValues& flags;
    base::Registry& registry;
};

// Runs a server until it is asked to stop. Blocks.
//   returns  the exit code: 0 after an orderly stop, 1 when it could not start or lost its storage
[[nodiscard]] int run_server(const FlagValues& flags);

// Names of all metrics a server has, registered as a server would, without starting one.
[[nodiscard]] std::vector<base::MetricDescription> server_metrics();

}  // namespace engine

// One node: every part of the program, put together in the order it is needed and taken apart in
// the exact reverse.
#pragma once

#include <string>
#include <vector>

#include "base/metrics.h"
#include "engine/cli.h"

namespace engine {

// Runs a server until it is asked to stop. Blocks.
//   returns  the exit code: 0 after an orderly stop, 1 when it could not start or lost its storage
[[nodiscard]] int run_server(const FlagValues& flags);

// All metrics a server has: learnt from one that is started on an empty configuration, in a
// temporary folder and on a free port of loopback, and stopped again. Empty when it cannot start.
[[nodiscard]] std::vector<base::MetricDescription> server_metrics();

// What it answers, learnt likewise: "GET /api/v1/query", sorted.
[[nodiscard]] std::vector<std::string> server_operations();

}  // namespace engine

// The engine of this tree behind the port of test scripts, over a storage in memory.
#pragma once

#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "query/engine.h"
#include "query/testing/engine_port.h"

namespace query::testing {

// The options that scripts ask for: see engine_port.h.
[[nodiscard]] Options script_options();

// An empty storage and an engine over it.
[[nodiscard]] std::unique_ptr<ScriptEngine> make_script_engine(
    const Options& options = script_options());

// An engine's answer as scripts see it.
[[nodiscard]] base::Result<ScriptResult> to_script_result(base::Result<QueryResult> answer);

// Runs scripts one after the other, each from an empty storage: failures as "file:line: message",
// then the line "N passed, N failed".
//   returns  the exit code: 0 when all passed, 1 otherwise or when a file cannot be read
[[nodiscard]] int run_promql_scripts(const std::vector<std::string>& files, std::ostream& out);

}  // namespace query::testing

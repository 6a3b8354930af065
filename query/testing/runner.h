// Runs test scripts against an engine and says what did not come out as expected.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "query/testing/engine_port.h"

namespace query::testing {

// One case that failed.
struct ScriptFailure {
    std::string file;
    int line = 0;  // from 1
    std::string message;
};

// Every eval is one case; a command that cannot be read or carried out counts as a failed one.
struct ScriptReport {
    uint64_t passed = 0;
    uint64_t failed = 0;
    std::vector<ScriptFailure> failures;

    void merge(ScriptReport other);
};

// Runs one script from an empty storage. Nothing ends it early: after a failure the next command
// runs.
//   file   its name, for failures
// An instant query is asked again with `@ <time>` written into it, at several times of evaluation,
// and each time as a range query whose middle step must give the same.
[[nodiscard]] ScriptReport run_script(std::string_view file,
                                      std::string_view text,
                                      ScriptEngine& engine);

// "file:line: message" per failure, then the line "N passed, N failed".
[[nodiscard]] std::string to_text(const ScriptReport& report);

}  // namespace query::testing

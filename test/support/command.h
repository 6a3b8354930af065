// Runs a shell command for a test and keeps what it said.
#pragma once

#include <string>
#include <vector>

namespace test {

struct Outcome {
    int exit_code = 0;   // 128 + signal when a signal ended it
    std::string output;  // standard output, at most kOutputMax bytes
};

inline constexpr size_t kOutputMax = 16U << 20U;

// Runs `command` with sh and waits for its end. A command that cannot start ends with code 127, as
// in a shell.
[[nodiscard]] Outcome run_command(const std::string& command);

// The lines of a text, without their ends; an empty last line is left out.
[[nodiscard]] std::vector<std::string> lines_of(const std::string& text);

}  // namespace test

// The subcommands: promtool's verbs, exit codes 0 (good), 1 (bad), 3 (lint).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace engine {

// Runs a subcommand; `words` starts with its name. Prints to standard output and standard error.
// Returns the exit code.
[[nodiscard]] int run_command(const std::vector<std::string>& words);

// A line per subcommand, for --help.
[[nodiscard]] std::string command_list();

[[nodiscard]] int check_command(const std::vector<std::string>& words);
[[nodiscard]] int promql_command(const std::vector<std::string>& words);
[[nodiscard]] int query_command(const std::vector<std::string>& words);
[[nodiscard]] int test_command(const std::vector<std::string>& words);
[[nodiscard]] int tsdb_command(const std::vector<std::string>& words);
[[nodiscard]] int cluster_command(const std::vector<std::string>& words);
// Prints the program's own lists (flags, metrics), a name per line: what the documentation is held
// against.
[[nodiscard]] int self_command(const std::vector<std::string>& words);

}  // namespace engine

#include "engine/commands/commands.h"

#include <cstdio>

namespace engine {
namespace {

struct Command {
    std::string_view name;
    std::string_view use;
    std::string_view help;
    int (*run)(const std::vector<std::string>& words);
};

constexpr Command kCommands[] = {
    {"check", "check config FILE...", "Check configuration files.", check_command},
    {"promql",
     "promql format EXPRESSION...",
     "Lay PromQL expressions out for reading; - reads one from standard input.",
     promql_command},
    {"query", "query instant|range|series|labels SERVER ...", "Ask a server.", query_command},
    {"test", "test promql FILE...", "Run PromQL test scripts.", test_command},
    {"tsdb",
     "tsdb list|analyze|dump|dump-openmetrics|verify|create-blocks-from|snapshot ...",
     "Look into a data folder, check it, fill it.",
     tsdb_command},
    {"cluster", "cluster reset ...", "Take a stopped node out of its cluster.", cluster_command},
    {"self",
     "self flags|metrics [--markdown]",
     "List what this program knows of itself.",
     self_command},
};

}  // namespace

std::string command_list() {
    std::string out;
    for (const Command& command : kCommands) {
        out.append("  skein ")
            .append(command.use)
            .append("\n      ")
            .append(command.help)
            .append("\n");
    }
    return out;
}

int run_command(const std::vector<std::string>& words) {
    for (const Command& command : kCommands) {
        if (words.front() == command.name) {
            return command.run(words);
        }
    }
    std::fprintf(stderr,
                 "skein: unknown command \"%s\"; there are:\n%s",
                 words.front().c_str(),
                 command_list().c_str());
    return 2;
}

}  // namespace engine

#include <cstdio>
#include <string>
#include <vector>

#include "base/async/signals.h"
#include "engine/cli.h"
#include "engine/commands/commands.h"
#include "engine/flags.h"
#include "engine/node.h"
#include "engine/version.h"

namespace {

void print_version() {
    std::printf("skein, version %.*s (Prometheus API %.*s)\n",
                static_cast<int>(engine::kVersion.size()),
                engine::kVersion.data(),
                static_cast<int>(engine::kPrometheusVersion.size()),
                engine::kPrometheusVersion.data());
}

int run_as_server(const std::vector<std::string>& words) {
    const std::string description =
        "Skein scrapes targets, keeps their series and answers PromQL: a cluster of Prometheus "
        "servers in one program.\n\n"
        "Subcommands:\n" +
        engine::command_list();
    const engine::CommandLine line("skein", description, engine::server_flags());
    auto parsed = line.parse(words);
    if (parsed.has_error()) {
        std::fprintf(stderr, "skein: %s\n", parsed.error().message().c_str());
        return 2;
    }
    if (parsed.value().finished) {
        return 0;
    }
    if (parsed.value().values.boolean("version")) {
        print_version();
        return 0;
    }
    return engine::run_server(parsed.value().values);
}

}  // namespace

int main(int argc, char** argv) {
    base::ignore_sigpipe();
    const std::vector<std::string> words(argv + 1, argv + argc);
    if (!words.empty() && !words.front().starts_with('-')) {
        return engine::run_command(words);
    }
    return run_as_server(words);
}

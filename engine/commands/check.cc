#include <cstdio>

#include "base/file.h"
#include "config/config.h"
#include "engine/cli.h"
#include "engine/commands/commands.h"

namespace engine {
namespace {

constexpr FlagSpec kConfigFlags[] = {
    {"syntax-only",
     FlagKind::kBool,
     "false",
     "Only read the files; do not look for the files they name."},
    {"lint", FlagKind::kText, "duplicate-rules", "Linting to do.", "rules are not read yet"},
    {"lint-fatal",
     FlagKind::kBool,
     "false",
     "Make lint findings errors.",
     "rules are not read yet"},
    {"agent", FlagKind::kBool, "false", "Check for agent mode.", "there is no agent mode"},
};

// Prints what a person wants to know about a good file.
void describe(const config::Config& config) {
    std::printf("  SUCCESS: %s is valid: %zu scrape configs, %zu rule file patterns\n",
                config.file.c_str(),
                config.scrape.jobs.size(),
                config.rule_files.size());
    for (const config::Unbuilt& unbuilt : config.unbuilt) {
        std::printf("  NOTE: %s: %s (%s) is accepted but not carried out yet\n",
                    unbuilt.place.c_str(),
                    unbuilt.feature.c_str(),
                    unbuilt.scope.c_str());
    }
    for (const std::string& warning : config.warnings) {
        std::printf("  WARNING: %s\n", warning.c_str());
    }
}

int check_config(const std::vector<std::string>& words) {
    const CommandLine line(
        "skein check config", "Checks configuration files.", kConfigFlags, "FILE");
    auto parsed = line.parse(words);
    if (parsed.has_error()) {
        std::fprintf(stderr, "skein: %s\n", parsed.error().message().c_str());
        return 2;
    }
    if (parsed.value().finished) {
        return 0;
    }
    const FlagValues& flags = parsed.value().values;
    if (flags.positional().empty()) {
        std::fprintf(stderr, "skein: check config needs at least one file\n");
        return 2;
    }
    const auto files = base::make_posix_files();
    int code = 0;
    for (const std::string& path : flags.positional()) {
        std::printf("Checking %s\n", path.c_str());
        const auto config =
            config::load(*files, path, {.check_files = !flags.boolean("syntax-only")});
        if (config.has_value()) {
            describe(*config.value());
        } else {
            std::fprintf(stderr, "  FAILED: %s\n", config.error().message().c_str());
            code = 1;
        }
    }
    return code;
}

}  // namespace

int check_command(const std::vector<std::string>& words) {
    if (words.size() >= 2 && words[1] == "config") {
        return check_config({words.begin() + 2, words.end()});
    }
    std::fprintf(stderr,
                 "skein: check what? There is: skein check config [--syntax-only] FILE...\n");
    return 2;
}

}  // namespace engine

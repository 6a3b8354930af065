#include "engine/commands/tsdb/tool.h"

#include "engine/commands/commands.h"

namespace engine {
namespace {

struct Verb {
    std::string_view name;
    std::string_view use;
    int (*run)(const std::vector<std::string>& words);
};

constexpr Verb kVerbs[] = {
    {"list", "list [-r] [DATA]", tsdb_list},
    {"analyze",
     "analyze [--limit=20] [--extended] [--match=SELECTOR...] [DATA [BLOCK]]",
     tsdb_analyze},
    {"dump", "dump [--min-time=MS] [--max-time=MS] [--match=SELECTOR...] [DATA]", tsdb_dump},
    {"dump-openmetrics",
     "dump-openmetrics [--min-time=MS] [--max-time=MS] [--match=SELECTOR...] [DATA]",
     tsdb_dump_openmetrics},
    {"verify", "verify [DATA]", tsdb_verify},
    {"create-blocks-from",
     "create-blocks-from openmetrics [-r] [-q] [--max-block-duration=D] [--label=NAME=VALUE...] "
     "FILE [DATA]",
     tsdb_create_blocks},
    {"snapshot", "snapshot [--server.url=URL] [--skip-head]", tsdb_snapshot},
};

std::string uses() {
    std::string out;
    for (const Verb& verb : kVerbs) {
        out.append("  skein tsdb ").append(verb.use).append("\n");
    }
    return out;
}

}  // namespace

int tsdb_command(const std::vector<std::string>& words) {
    if (words.size() < 2 || words[1] == "--help" || words[1] == "-h") {
        std::fputs(uses().c_str(), words.size() < 2 ? stderr : stdout);
        return words.size() < 2 ? 2 : 0;
    }
    for (const Verb& verb : kVerbs) {
        if (words[1] == verb.name) {
            return verb.run({words.begin() + 2, words.end()});
        }
    }
    std::fprintf(stderr,
                 "skein: unknown command \"tsdb %s\"; there are:\n%s",
                 words[1].c_str(),
                 uses().c_str());
    return 2;
}

Started start_command(const CommandLine& line,
                      const std::vector<std::string>& words,
                      size_t operands_min,
                      size_t operands_max) {
    auto parsed = line.parse(words);
    if (!parsed) {
        std::fprintf(stderr, "skein: %s\n", parsed.error().message().c_str());
        return {std::nullopt, 2};
    }
    if (parsed.value().finished) {
        return {std::nullopt, 0};
    }
    const size_t operands = parsed.value().values.positional().size();
    if (operands < operands_min || operands > operands_max) {
        std::fprintf(stderr, "skein: %zu operands are given; use:\n%s", operands, uses().c_str());
        return {std::nullopt, 2};
    }
    return {std::move(parsed.value().values), 0};
}

std::string operand_or(const FlagValues& flags, size_t index, std::string_view otherwise) {
    return flags.positional().size() > index ? flags.positional()[index] : std::string(otherwise);
}

int say_error(const base::Error& error) {
    std::fprintf(stderr, "skein: %s\n", error.message().c_str());
    return 1;
}

}  // namespace engine

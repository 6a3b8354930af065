// `skein cluster VERB`: the verbs.
#include <cstdio>

#include "engine/commands/cluster/reset.h"
#include "engine/commands/cluster/steer.h"
#include "engine/commands/commands.h"

namespace engine {
namespace {

struct Verb {
    std::string_view name;
    std::string_view use;
    int (*run)(const std::vector<std::string>& words);
};

constexpr Verb kVerbs[] = {
    {"reset", "reset [--storage.tsdb.path=data/] [--yes]", cluster_reset},
};

std::string uses() {
    std::string out;
    for (const SteerVerb& verb : steer_verbs()) {
        out.append("  skein cluster ").append(verb.use).append("\n");
    }
    for (const Verb& verb : kVerbs) {
        out.append("  skein cluster ").append(verb.use).append("\n");
    }
    out.append(
        "All but reset take --url=http://HOST:PORT (default: http://localhost:9090), any node of "
        "the "
        "cluster, and -o json.\n");
    return out;
}

}  // namespace

int cluster_command(const std::vector<std::string>& words) {
    if (words.size() < 2 || words[1] == "--help" || words[1] == "-h") {
        std::fputs(uses().c_str(), words.size() < 2 ? stderr : stdout);
        return words.size() < 2 ? 2 : 0;
    }
    for (const SteerVerb& verb : steer_verbs()) {
        if (words[1] == verb.name) {
            return cluster_steer(verb, {words.begin() + 2, words.end()});
        }
    }
    for (const Verb& verb : kVerbs) {
        if (words[1] == verb.name) {
            return verb.run({words.begin() + 2, words.end()});
        }
    }
    std::fprintf(stderr,
                 "skein: unknown command \"cluster %s\"; there are:\n%s",
                 words[1].c_str(),
                 uses().c_str());
    return 2;
}

}  // namespace engine

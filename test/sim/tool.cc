// skein-sim: runs simulated worlds by hand.
//
//   skein-sim raft [--seed S] [--steps N] [--keep=1,2,3] [--shrink] [--trace]
//   skein-sim cluster [--seed S] [--seconds N] [--nodes N] [--keep=1,2,3] [--shrink] [--trace]
//   skein-sim cluster [--seed S] --worlds N --all
//
// Exit codes: 0 nothing failed, 1 an invariant failed, 2 wrong arguments; an abort of the subject's
// own checks counts as a failure, too.
#include <array>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <unistd.h>

#include "base/random.h"
#include "test/sim/cluster_scenario.h"
#include "test/sim/raft_scenario.h"
#include "test/sim/shrink.h"

namespace {

constexpr uint32_t kShrinkTries = 2000;

// What can be simulated.
struct RaftSubject {
    using Run = sim::RaftRun;
    using Outcome = sim::RaftOutcome;
    static constexpr const char* kName = "raft";

    static Outcome live(const Run& run) { return sim::run_raft(run); }

    static size_t happenings(const Outcome& outcome) { return outcome.faults.size(); }
};

struct ClusterSubject {
    using Run = sim::ClusterRun;
    using Outcome = sim::ClusterOutcome;
    static constexpr const char* kName = "cluster";

    static Outcome live(const Run& run) { return sim::run_cluster(run); }

    static size_t happenings(const Outcome& outcome) { return outcome.happenings.size(); }
};

struct Arguments {
    uint64_t seed = 0;
    bool seeded = false;
    // Worlds follow each other until so many are made, and so long has passed: one at least.
    uint64_t steps = 1;
    uint64_t worlds = 1;
    double seconds = 0;
    bool all = false;    // also after one has failed,
    std::string until;   // by any other invariant than this
    uint32_t nodes = 0;  // 0: drawn
    std::optional<std::vector<uint32_t>> keep;
    bool shrink = false;
    bool trace = false;
};

int usage() {
    std::fputs(
        "Usage: skein-sim raft|cluster [--seed S] [--worlds N] [--steps N] [--seconds N] [--all]\n"
        "                              [--nodes N] [--keep=NUMBERS] [--shrink] [--trace]\n"
        "\n"
        "  --seed S        of the first world; the next ones have S + 1, S + 2, …\n"
        "                  (default: drawn and printed)\n"
        "  --worlds N      that follow each other (default 1)\n"
        "  --steps N       worlds follow each other until N steps are made\n"
        "  --seconds N     … and for N seconds at least\n"
        "  --all           go on after a failure; each is told in a line\n"
        "  --until NAME    … until that invariant fails\n"
        "  --nodes N       of a cluster, instead of a number that is drawn\n"
        "  --keep=NUMBERS  only these faults of the schedule, as in 3,17,20\n"
        "  --shrink        after a failure, leave out the faults it does not need\n"
        "  --trace         print every event\n",
        stderr);
    return 2;
}

// The seed of the world that runs, for when the subject aborts.
std::array<char, 96> note{};

void on_abort(int) {
    const ssize_t written = write(STDERR_FILENO, note.data(), std::strlen(note.data()));
    static_cast<void>(written);
}

void note_seed(const char* subject, uint64_t seed, uint64_t steps) {
    std::snprintf(note.data(),
                  note.size(),
                  "ABORTED after %llu steps and some: skein-sim %s --seed %llu\n",
                  static_cast<unsigned long long>(steps),
                  subject,
                  static_cast<unsigned long long>(seed));
}

// "3,17,20"; "": none. Nothing: something else.
std::optional<std::vector<uint32_t>> numbers(std::string_view text) {
    std::vector<uint32_t> out;
    const char* const end = text.data() + text.size();
    for (const char* at = text.data(); at < end; ++at) {
        const auto [next, error] = std::from_chars(at, end, out.emplace_back());
        if (error != std::errc() || (next != end && *next != ',')) {
            return std::nullopt;
        }
        at = next;
    }
    return out;
}

std::optional<Arguments> parse(int count, char** values) {
    Arguments arguments;
    for (int at = 2; at < count; ++at) {
        const std::string argument = values[at];
        const bool more = at + 1 < count;
        if (argument == "--seed" && more) {
            arguments.seed = std::strtoull(values[++at], nullptr, 10);
            arguments.seeded = true;
        } else if (argument == "--steps" && more) {
            arguments.steps = std::strtoull(values[++at], nullptr, 10);
        } else if (argument == "--worlds" && more) {
            arguments.worlds = std::strtoull(values[++at], nullptr, 10);
        } else if (argument == "--all") {
            arguments.all = true;
        } else if (argument == "--until" && more) {
            arguments.all = true;
            arguments.until = values[++at];
        } else if (argument == "--seconds" && more) {
            arguments.seconds = std::strtod(values[++at], nullptr);
        } else if (argument == "--nodes" && more) {
            arguments.nodes = static_cast<uint32_t>(std::strtoul(values[++at], nullptr, 10));
        } else if (argument.starts_with("--keep=")) {
            arguments.keep = numbers(std::string_view(argument).substr(7));
            if (!arguments.keep) {
                return std::nullopt;
            }
        } else if (argument == "--shrink") {
            arguments.shrink = true;
        } else if (argument == "--trace") {
            arguments.trace = true;
        } else {
            return std::nullopt;
        }
    }
    if (!arguments.seeded) {
        base::SystemRandom random;
        arguments.seed = random.below(1'000'000'000);
    }
    return arguments;
}

// The part of the faults with which it still fails in the same way.
template <class Subject>
typename Subject::Run shrunk(typename Subject::Run run, const typename Subject::Outcome& outcome) {
    std::vector<uint32_t> all;
    if (run.keep) {
        all = *run.keep;
    } else {
        for (uint32_t number = 0; number < Subject::happenings(outcome); ++number) {
            all.push_back(number);
        }
    }
    run.trace_echo = false;
    const auto fails = [&](const std::vector<uint32_t>& kept) {
        run.keep = kept;
        const auto tried = Subject::live(run);
        return tried.failure && tried.failure->invariant == outcome.failure->invariant;
    };
    run.keep = sim::shrink(std::move(all), fails, kShrinkTries);
    return run;
}

template <class Subject>
int report(const Arguments& arguments,
           typename Subject::Run run,
           const typename Subject::Outcome& outcome,
           uint64_t steps) {
    std::fputs(explain(run, outcome).c_str(), stdout);
    if (arguments.shrink) {
        run = shrunk<Subject>(run, outcome);
        std::puts("--- with fewer faults:");
        std::fputs(explain(run, Subject::live(run)).c_str(), stdout);
    }
    std::printf("failed after %llu steps: %s\n",
                static_cast<unsigned long long>(steps),
                outcome.failure->invariant.c_str());
    return 1;
}

// What a series of worlds comes to.
struct Series {
    std::chrono::steady_clock::time_point begun = std::chrono::steady_clock::now();
    uint64_t steps = 0;
    uint64_t worlds = 0;
    uint64_t hash = 0;
    double lived = 0;
    std::map<std::string, uint64_t> failures;  // by invariant

    [[nodiscard]] double took() const {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    }

    [[nodiscard]] bool goes_on(const Arguments& arguments) const {
        return worlds < arguments.worlds || steps < arguments.steps || took() < arguments.seconds;
    }

    template <class Outcome>
    void add(const Outcome& outcome) {
        steps += outcome.steps;
        ++worlds;
        lived += std::chrono::duration<double>(outcome.lived).count();
        hash = sim::mix(hash ^ outcome.hash);
    }

    void print() const {
        for (const auto& [invariant, count] : failures) {
            std::printf("%s fails in %llu worlds\n",
                        invariant.c_str(),
                        static_cast<unsigned long long>(count));
        }
        std::printf(
            "%llu steps in %llu worlds, %.0f s of their time, %.1f s of ours, %.0f steps/s, %.1f "
            "worlds/s, trace %016llx\n",
            static_cast<unsigned long long>(steps),
            static_cast<unsigned long long>(worlds),
            lived,
            took(),
            static_cast<double>(steps) / took(),
            static_cast<double>(worlds) / took(),
            static_cast<unsigned long long>(hash));
    }
};

template <class Subject>
int simulate(const Arguments& arguments, typename Subject::Run run) {
    Series series;
    run.seed = arguments.seed;
    run.keep = arguments.keep;
    run.trace_echo = arguments.trace;
    std::printf("seed %llu\n", static_cast<unsigned long long>(run.seed));
    std::fflush(stdout);
    for (; series.goes_on(arguments); ++run.seed) {
        note_seed(Subject::kName, run.seed, series.steps);
        const auto outcome = Subject::live(run);
        series.add(outcome);
        if (outcome.failure && (!arguments.all || outcome.failure->invariant == arguments.until)) {
            return report<Subject>(arguments, run, outcome, series.steps);
        }
        if (outcome.failure) {
            ++series.failures[outcome.failure->invariant];
            std::printf("seed %llu: %s: %s\n",
                        static_cast<unsigned long long>(run.seed),
                        outcome.failure->invariant.c_str(),
                        outcome.failure->text.c_str());
        }
    }
    series.print();
    return series.failures.empty() || !arguments.until.empty() ? 0 : 1;
}

}  // namespace

int main(int count, char** values) {
    const std::string_view subject = count < 2 ? "" : values[1];
    const auto arguments = parse(count, values);
    if (!arguments || (subject != RaftSubject::kName && subject != ClusterSubject::kName)) {
        return usage();
    }
    static_cast<void>(std::signal(SIGABRT, on_abort));
    if (subject == RaftSubject::kName) {
        return simulate<RaftSubject>(*arguments, {});
    }
    return simulate<ClusterSubject>(*arguments, {.nodes = arguments->nodes});
}

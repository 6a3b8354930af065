// skein-sim: runs simulated worlds by hand.
//
//   skein-sim raft [--seed S] [--steps N] [--keep=1,2,3] [--shrink] [--trace]
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
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <unistd.h>

#include "base/random.h"
#include "test/sim/raft_scenario.h"
#include "test/sim/shrink.h"

namespace {

constexpr uint32_t kShrinkTries = 2000;

struct Arguments {
    sim::RaftRun run;
    bool seeded = false;
    uint64_t steps = 1;  // worlds follow each other until so many are made
    bool shrink = false;
};

int usage() {
    std::fputs(
        "Usage: skein-sim raft [--seed S] [--steps N] [--keep=NUMBERS] [--shrink] [--trace]\n"
        "\n"
        "  --seed S        of the first world; the next ones have S + 1, S + 2, …\n"
        "                  (default: drawn and printed)\n"
        "  --steps N       worlds follow each other until N steps are made (default 1: one world)\n"
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

void note_seed(uint64_t seed, uint64_t steps) {
    std::snprintf(note.data(),
                  note.size(),
                  "ABORTED after %llu steps and some: skein-sim raft --seed %llu\n",
                  static_cast<unsigned long long>(steps),
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
            arguments.run.seed = std::strtoull(values[++at], nullptr, 10);
            arguments.seeded = true;
        } else if (argument == "--steps" && more) {
            arguments.steps = std::strtoull(values[++at], nullptr, 10);
        } else if (argument.starts_with("--keep=")) {
            arguments.run.keep = numbers(std::string_view(argument).substr(7));
            if (!arguments.run.keep) {
                return std::nullopt;
            }
        } else if (argument == "--shrink") {
            arguments.shrink = true;
        } else if (argument == "--trace") {
            arguments.run.trace_echo = true;
        } else {
            return std::nullopt;
        }
    }
    if (!arguments.seeded) {
        base::SystemRandom random;
        arguments.run.seed = random.below(1'000'000'000);
    }
    return arguments;
}

// The part of the faults with which it still fails in the same way.
sim::RaftRun shrunk(sim::RaftRun run, const sim::RaftOutcome& outcome) {
    std::vector<uint32_t> all;
    if (run.keep) {
        all = *run.keep;
    } else {
        for (uint32_t number = 0; number < outcome.faults.size(); ++number) {
            all.push_back(number);
        }
    }
    run.trace_echo = false;
    const auto fails = [&](const std::vector<uint32_t>& kept) {
        run.keep = kept;
        const sim::RaftOutcome tried = sim::run_raft(run);
        return tried.failure && tried.failure->invariant == outcome.failure->invariant;
    };
    run.keep = sim::shrink(std::move(all), fails, kShrinkTries);
    return run;
}

int report(const Arguments& arguments, const sim::RaftOutcome& outcome, uint64_t steps) {
    sim::RaftRun run = arguments.run;
    std::fputs(explain(run, outcome).c_str(), stdout);
    if (arguments.shrink) {
        run = shrunk(run, outcome);
        std::puts("--- with fewer faults:");
        std::fputs(explain(run, sim::run_raft(run)).c_str(), stdout);
    }
    std::printf("failed after %llu steps: %s\n",
                static_cast<unsigned long long>(steps),
                outcome.failure->invariant.c_str());
    return 1;
}

int simulate_raft(Arguments arguments) {
    const auto begun = std::chrono::steady_clock::now();
    uint64_t steps = 0;
    uint64_t worlds = 0;
    uint64_t hash = 0;
    double lived = 0;
    std::printf("seed %llu\n", static_cast<unsigned long long>(arguments.run.seed));
    std::fflush(stdout);
    while (steps < arguments.steps) {
        note_seed(arguments.run.seed, steps);
        const sim::RaftOutcome outcome = sim::run_raft(arguments.run);
        steps += outcome.steps;
        ++worlds;
        lived += std::chrono::duration<double>(outcome.lived).count();
        hash = sim::mix(hash ^ outcome.hash);
        if (outcome.failure) {
            return report(arguments, outcome, steps);
        }
        ++arguments.run.seed;
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
    std::printf(
        "%llu steps in %llu worlds, %.0f s of their time, %.1f s of ours, %.0f steps/s, trace "
        "%016llx\n",
        static_cast<unsigned long long>(steps),
        static_cast<unsigned long long>(worlds),
        lived,
        took.count(),
        static_cast<double>(steps) / took.count(),
        static_cast<unsigned long long>(hash));
    return 0;
}

}  // namespace

int main(int count, char** values) {
    if (count < 2 || std::string_view(values[1]) != "raft") {
        return usage();
    }
    const auto arguments = parse(count, values);
    if (!arguments) {
        return usage();
    }
    static_cast<void>(std::signal(SIGABRT, on_abort));
    return simulate_raft(*arguments);
}

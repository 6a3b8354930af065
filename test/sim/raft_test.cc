// Raft in the simulated world: fixed seeds, fresh ones for a while, and the long figure.
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include <catch2/catch.hpp>

#include "base/random.h"
#include "test/sim/raft_scenario.h"

namespace {

constexpr uint64_t kFixedSeeds = 10;
constexpr std::chrono::seconds kFreshSeeds{15};
constexpr uint64_t kNightlySteps = 10'000'000;

// The first seed of a series: from SKEIN_SIM_SEED, else drawn. Printed, so that a failure can be
// repeated even when the program dies of it.
uint64_t first_seed() {
    const char* const text = std::getenv("SKEIN_SIM_SEED");  // NOLINT(concurrency-mt-unsafe)
    base::SystemRandom random;
    const uint64_t seed =
        text != nullptr ? std::strtoull(text, nullptr, 10) : random.below(1'000'000'000);
    std::printf("raft simulation: SKEIN_SIM_SEED=%llu\n", static_cast<unsigned long long>(seed));
    std::fflush(stdout);
    return seed;
}

sim::RaftOutcome must_hold(uint64_t seed) {
    const sim::RaftRun run{.seed = seed};
    sim::RaftOutcome outcome = sim::run_raft(run);
    if (outcome.failure) {
        FAIL(explain(run, outcome));
    }
    return outcome;
}

}  // namespace

TEST_CASE("raft keeps its promises in the worlds of fixed seeds", "[sim][raft]") {
    for (uint64_t seed = 1; seed <= kFixedSeeds; ++seed) {
        CAPTURE(seed);
        const sim::RaftOutcome outcome = must_hold(seed);
        CHECK(outcome.committed > 1);
    }
}

TEST_CASE("raft keeps its promises in the worlds of fresh seeds", "[sim][raft]") {
    const auto until = std::chrono::steady_clock::now() + kFreshSeeds;
    uint64_t steps = 0;
    for (uint64_t seed = first_seed(); std::chrono::steady_clock::now() < until; ++seed) {
        CAPTURE(seed);
        steps += must_hold(seed).steps;
    }
    std::printf("raft simulation: %llu steps\n", static_cast<unsigned long long>(steps));
    CHECK(steps > 0);
}

TEST_CASE("raft keeps its promises for ten million steps", "[.nightly][sim][raft]") {
    uint64_t steps = 0;
    for (uint64_t seed = first_seed(); steps < kNightlySteps; ++seed) {
        CAPTURE(seed);
        steps += must_hold(seed).steps;
    }
    CHECK(steps >= kNightlySteps);
}

TEST_CASE("raft runs alike with the same seed", "[sim][raft]") {
    const sim::RaftOutcome once = must_hold(77);
    const sim::RaftOutcome again = must_hold(77);
    CHECK(once.steps == again.steps);
    CHECK(once.hash == again.hash);
    CHECK(must_hold(78).hash != once.hash);
}

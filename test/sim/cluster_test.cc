// Whole clusters in the simulated world: fixed seeds, fresh ones for a while, and the long figure.
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include <catch2/catch.hpp>

#include "base/random.h"
#include "test/sim/cluster_scenario.h"

namespace {

constexpr uint64_t kFixedSeeds = 5;
constexpr std::chrono::seconds kFreshSeeds{20};
constexpr uint64_t kNightlySeeds = 10'000;

// The first seed of a series: from SKEIN_SIM_SEED, else drawn. Printed, so that a failure can be
// repeated even when the program dies of it.
uint64_t first_seed() {
    const char* const text = std::getenv("SKEIN_SIM_SEED");  // NOLINT(concurrency-mt-unsafe)
    base::SystemRandom random;
    const uint64_t seed =
        text != nullptr ? std::strtoull(text, nullptr, 10) : random.below(1'000'000'000);
    std::printf("cluster simulation: SKEIN_SIM_SEED=%llu\n", static_cast<unsigned long long>(seed));
    std::fflush(stdout);
    return seed;
}

sim::ClusterOutcome must_hold(uint64_t seed) {
    const sim::ClusterRun run{.seed = seed};
    sim::ClusterOutcome outcome = sim::run_cluster(run);
    if (outcome.failure) {
        FAIL(explain(run, outcome));
    }
    return outcome;
}

}  // namespace

TEST_CASE("a cluster keeps its promises in the worlds of fixed seeds", "[sim][cluster]") {
    for (uint64_t seed = 1; seed <= kFixedSeeds; ++seed) {
        CAPTURE(seed);
        CHECK(must_hold(seed).samples > 0);
    }
}

TEST_CASE("a new leader does not take what was discovered in another term for its own",
          "[sim][cluster]") {
    CHECK(must_hold(1014).samples > 0);
}

TEST_CASE("a cluster keeps its promises in the worlds of fresh seeds", "[sim][cluster]") {
    const auto until = std::chrono::steady_clock::now() + kFreshSeeds;
    uint64_t worlds = 0;
    for (uint64_t seed = first_seed(); std::chrono::steady_clock::now() < until; ++seed) {
        CAPTURE(seed);
        static_cast<void>(must_hold(seed));
        ++worlds;
    }
    std::printf("cluster simulation: %llu worlds\n", static_cast<unsigned long long>(worlds));
    CHECK(worlds > 0);
}

TEST_CASE("a cluster keeps its promises in ten thousand worlds", "[.nightly][sim][cluster]") {
    const uint64_t first = first_seed();
    for (uint64_t seed = first; seed < first + kNightlySeeds; ++seed) {
        CAPTURE(seed);
        static_cast<void>(must_hold(seed));
    }
}

TEST_CASE("a cluster runs alike with the same seed", "[sim][cluster]") {
    const sim::ClusterOutcome once = must_hold(3);
    const sim::ClusterOutcome again = must_hold(3);
    CHECK(once.steps == again.steps);
    CHECK(once.hash == again.hash);
    CHECK(must_hold(4).hash != once.hash);
}

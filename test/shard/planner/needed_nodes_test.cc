#include "shard/planner/needed_nodes.h"

#include <algorithm>
#include <vector>

#include <catch2/catch.hpp>

#include "base/random.h"

namespace shard {
namespace {

uint64_t bins(const std::vector<uint64_t>& sizes, uint64_t budget) {
    SizeCounts counts;
    for (const uint64_t size : sizes) {
        counts.add(size, 1);
    }
    return counts.bins(budget);
}

uint64_t bins_one_by_one(std::vector<uint64_t> sizes, uint64_t budget) {
    std::ranges::sort(sizes, std::greater());
    std::vector<uint64_t> loads;
    for (const uint64_t size : sizes) {
        const auto fits = [&](uint64_t load) { return load + size < budget; };
        const auto bin = std::ranges::find_if(loads, fits);
        if (bin == loads.end()) {
            loads.push_back(size);
        } else {
            *bin += size;
        }
    }
    return loads.size();
}

TEST_CASE("equal targets need exactly as many nodes as fit strictly below the budget",
          "[shard][planner]") {
    const auto check = [](size_t targets, uint64_t want) {
        CAPTURE(targets);
        CHECK(bins(std::vector<uint64_t>(targets, 10'045), 30'000) == want);
    };
    check(1, 1);
    check(2, 1);
    check(6, 3);
    check(7, 4);
    check(20, 10);
    CHECK(bins(std::vector<uint64_t>(3, 10'000), 30'000) == 2);
    CHECK(bins(std::vector<uint64_t>(3, 9'999), 30'000) == 1);
}

TEST_CASE("a target beyond the budget needs a node of its own", "[shard][planner]") {
    CHECK(bins({100'000, 30'000, 10, 10}, 30'000) == 3);
    CHECK(bins({100'000}, 0) == 1);
    CHECK(bins({0, 0, 0}, 100) == 0);
    CHECK(bins({}, 100) == 0);
}

TEST_CASE("small targets go where large ones leave room", "[shard][planner]") {
    CHECK(bins({700, 700, 250, 250, 20, 20}, 1001) == 2);
}

TEST_CASE("classes of sizes need about as many nodes as the sizes one by one", "[shard][planner]") {
    const uint64_t seed = GENERATE(1u, 2u, 3u, 4u, 5u, 6u, 7u, 8u);
    CAPTURE(seed);
    base::SeededRandom random(seed);
    std::vector<uint64_t> sizes;
    for (int i = 0; i < 2000; ++i) {
        sizes.push_back(1 + (random.u64() >> (50 + random.below(12))));
    }
    const auto exact = static_cast<double>(bins_one_by_one(sizes, 20'000));
    CHECK(static_cast<double>(bins(sizes, 20'000)) == Approx(exact).epsilon(0.03).margin(1));
}

}  // namespace
}  // namespace shard

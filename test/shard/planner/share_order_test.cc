#include "shard/planner/share_order.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "base/random.h"
#include "shard/planner/slot_order.h"

namespace {

using shard::NodeShare;
using shard::Orphan;
using shard::ShareOrder;

std::vector<std::pair<double, uint32_t>> listed(const ShareOrder& order, size_t most) {
    std::vector<std::pair<double, uint32_t>> all;
    order.ascend(most, [&](const NodeShare& entry) {
        all.emplace_back(entry.share, entry.node);
        return true;
    });
    return all;
}

}  // namespace

TEST_CASE("nodes stay in the order of their shares, whatever changes", "[shard][planner]") {
    const auto seed = GENERATE(1u, 2u, 3u, 4u);
    const auto nodes = GENERATE(1u, 40u, 700u);
    CAPTURE(seed, nodes);
    base::SeededRandom random(seed);
    ShareOrder order;
    std::set<std::pair<double, uint32_t>> expected;
    std::vector<double> shares(nodes);
    for (uint32_t node = 0; node < nodes; ++node) {
        shares[node] = static_cast<double>(random.below(20));
        order.insert({shares[node], node});
        expected.emplace(shares[node], node);
    }
    for (int change = 0; change < 3000; ++change) {
        // The emptiest and any, in turn.
        const uint32_t node =
            change % 2 == 0 ? order.first().node : static_cast<uint32_t>(random.below(nodes));
        order.erase({shares[node], node});
        expected.erase({shares[node], node});
        shares[node] += static_cast<double>(random.below(9)) - 3;
        order.insert({shares[node], node});
        expected.emplace(shares[node], node);
        const auto first = expected.begin();
        REQUIRE(order.first().node == first->second);
        REQUIRE(order.starts_tied() == (nodes > 1 && std::next(first)->first == first->first));
    }
    CHECK(listed(order, SIZE_MAX) == std::vector(expected.begin(), expected.end()));
    CHECK(listed(order, 7).size() == std::min<size_t>(nodes, 7));
}

TEST_CASE("orphans come largest first, equal ones by target and slot", "[shard][planner]") {
    const auto seed = GENERATE(1u, 2u, 3u);
    const auto count = GENERATE(0u, 1u, 300u, 5000u);
    const auto bits = GENERATE(0, 3, 13, 40, 64);
    CAPTURE(seed, count, bits);
    base::SeededRandom random(seed);
    std::vector<Orphan> orphans;
    for (uint32_t i = 0; i < count; ++i) {
        Orphan orphan;
        orphan.slot.series = bits == 0 ? 1000 : random.u64() >> (64 - bits);
        orphan.slot.target = i / 3;
        orphan.slot.slot = static_cast<uint8_t>(i % 3);
        orphan.at = i;
        orphans.push_back(orphan);
    }
    std::vector<Orphan> expected = orphans;
    std::ranges::sort(expected, shard::larger, &Orphan::slot);
    shard::sort_largest_first(orphans);
    const auto places = [](const std::vector<Orphan>& of) {
        std::vector<uint32_t> all;
        for (const Orphan& orphan : of) {
            all.push_back(orphan.at);
        }
        return all;
    };
    CHECK(places(orphans) == places(expected));
}

#include "shard/leader/holders.h"

#include <map>
#include <set>

#include <catch2/catch.hpp>

#include "base/random.h"
#include "shard/session/holdings.h"
#include "test/support/seed.h"

using namespace shard;

namespace {

std::vector<NodeRecord> nodes(NodeNumber count) {
    std::vector<NodeRecord> records;
    for (NodeNumber number = 1; number <= count; ++number) {
        records.push_back(
            {.number = number, .id = "n" + std::to_string(number), .series_budget = 1000});
    }
    return records;
}

}  // namespace

TEST_CASE("owners hold their slots, and who a slot moves to holds it as incoming",
          "[shard][leader]") {
    const std::vector<Owner> owners{{.node = 1}, {.node = 2}};
    const Move move{.slot = 1, .from = 2, .to = 3, .epoch = 9};
    const TargetView target{.id = 5, .owners = owners, .move = &move};
    const auto holders = holders_of(target, {}, nodes(3));
    CHECK(exclusive_holder(holders) == Holder{.node = 1});
    CHECK(holders ==
          std::vector<Holder>{{.node = 1, .slot = 0},
                              {.node = 2, .slot = 1},
                              {.node = 3, .slot = 1, .holding = Holding::kIncoming, .since = 9}});
}

TEST_CASE("somebody stands in for a silent owner, who keeps the target", "[shard][leader]") {
    const std::vector<Owner> owners{{.node = 1}};
    const TargetView target{.id = 5, .owners = owners};
    const std::vector<Takeover> takeovers{{.node = 1, .epoch = 2, .by = {2, 3}}};
    const auto holders = holders_of(target, takeovers, nodes(3));
    REQUIRE(holders.size() == 2);
    CHECK(holders[0] == Holder{.node = 1});
    CHECK(holders[1].holding == Holding::kStandIn);
    CHECK(holders[1].node != 1);
    CHECK(exclusive_holder(holders) == holders[1]);
}

TEST_CASE("an orphan has no holder", "[shard][leader]") {
    const std::vector<Owner> owners{{.node = kNoNode}};
    CHECK(holders_of({.id = 5, .owners = owners}, {}, nodes(1)).empty());
    CHECK_FALSE(exclusive_holder({}).has_value());
}

TEST_CASE("nodes are told what changes for them and nothing else", "[shard][leader]") {
    Holders holders;
    std::vector<HolderChange> changes;
    const std::vector<Holder> first{{.node = 1}, {.node = 2, .slot = 1}};
    holders.update(5, first, false, changes);
    CHECK(changes.size() == 2);
    changes.clear();
    holders.update(5, first, false, changes);
    CHECK(changes.empty());
    holders.update(5, std::vector<Holder>{{.node = 1}, {.node = 3, .slot = 1}}, false, changes);
    REQUIRE(changes.size() == 2);
    CHECK(changes[0].node == 2);
    CHECK(changes[0].released);
    CHECK(changes[0].reason == ReleaseReason::kMoved);
    CHECK(changes[1].node == 3);
    changes.clear();
    holders.update(5, {}, true, changes);
    REQUIRE(changes.size() == 2);
    CHECK(changes[0].reason == ReleaseReason::kGone);
    CHECK(holders.size() == 0);
    CHECK(holders.digest(1) == HoldingDigest{});
}

TEST_CASE("nodes that carry out all changes hold what their digest says", "[shard][leader]") {
    const uint64_t seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    const auto descriptor = std::make_shared<const TargetDescriptor>();
    Holders holders;
    std::map<NodeNumber, HeldTargets> workers;
    for (int i = 0; i < 5000; ++i) {
        std::vector<Holder> now;
        std::set<NodeNumber> used;
        for (uint64_t k = 0; k < random.below(4); ++k) {
            const auto node = static_cast<NodeNumber>(1 + random.below(5));
            if (used.insert(node).second) {
                now.push_back({.node = node,
                               .slot = static_cast<uint8_t>(random.below(3)),
                               .holding = static_cast<Holding>(1 + random.below(3)),
                               .since = random.below(3)});
            }
        }
        std::vector<HolderChange> changes;
        holders.update(random.below(50), now, now.empty(), changes);
        for (const HolderChange& change : changes) {
            Assignment assign;
            if (change.released) {
                assign.releases.push_back({.id = change.target, .reason = change.reason});
            } else {
                assign.targets.push_back({.id = change.target,
                                          .slot = change.holder.slot,
                                          .holding = change.holder.holding,
                                          .since = change.holder.since,
                                          .descriptor = descriptor});
            }
            static_cast<void>(workers[change.node].apply(assign));
        }
        for (const auto& [node, held] : workers) {
            CHECK(held.digest() == holders.digest(node));
        }
    }
    for (const auto& [node, held] : workers) {
        size_t count = 0;
        holders.for_each(node, [&](model::TargetId target, const Holder& holder) {
            ++count;
            CHECK(held.targets().at(target).slot == holder.slot);
        });
        CHECK(count == held.targets().size());
    }
}

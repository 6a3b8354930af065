#include "shard/session/holdings.h"

#include <catch2/catch.hpp>

#include "test/shard/session/messages.h"

using namespace shard;

namespace {

HoldingDigest digest_of(const std::map<model::TargetId, AssignedTarget>& targets) {
    HoldingDigest digest;
    for (const auto& [id, target] : targets) {
        ++digest.targets;
        digest.hash += holding_hash(id, target.slot, target.holding, target.since);
    }
    return digest;
}

}  // namespace

TEST_CASE("an assignment that says nothing new changes nothing", "[shard][session]") {
    base::SeededRandom random(3);
    HeldTargets held;
    const Assignment assign{
        .targets = {test::random_target(random, 1), test::random_target(random, 2)}};
    CHECK(held.apply(assign).put.size() == 2);
    CHECK(held.apply(assign).empty());
    CHECK(held.apply({.releases = {{.id = 77}}}).empty());
    CHECK(held.targets().size() == 2);
}

TEST_CASE("a list of everything releases what it does not name, once it is complete",
          "[shard][session]") {
    base::SeededRandom random(4);
    HeldTargets held;
    std::vector<AssignedTarget> targets;
    for (uint64_t id = 1; id <= 4; ++id) {
        targets.push_back(test::random_target(random, id));
    }
    static_cast<void>(held.apply({.targets = targets}));
    CHECK(held.apply({.everything = true, .last = false, .targets = {targets[0]}}).empty());
    const HoldingChange change = held.apply({.last = true, .targets = {targets[2]}});
    REQUIRE(change.released.size() == 2);
    CHECK(change.released[0].id == 2);
    CHECK(change.released[1].id == 4);
    CHECK(change.released[0].reason == ReleaseReason::kMoved);
    CHECK(held.targets().size() == 2);
}

TEST_CASE("a list that was cut off releases nothing", "[shard][session]") {
    base::SeededRandom random(5);
    HeldTargets held;
    const AssignedTarget one = test::random_target(random, 1), two = test::random_target(random, 2);
    static_cast<void>(held.apply({.targets = {one, two}}));
    static_cast<void>(held.apply({.everything = true, .last = false, .targets = {one}}));
    held.forget_list();
    CHECK(held.apply({.last = true, .targets = {one}}).empty());
    CHECK(held.targets().size() == 2);
}

TEST_CASE("the digest is that of what is held, after any changes", "[shard][session]") {
    const uint64_t seed = base::SystemRandom().u64();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    HeldTargets held;
    for (int i = 0; i < 2000; ++i) {
        Assignment assign{.everything = random.below(50) == 0};
        for (uint64_t k = 0; k < random.below(4); ++k) {
            assign.targets.push_back(test::random_target(random, random.below(40)));
            assign.releases.push_back({.id = random.below(40)});
        }
        static_cast<void>(held.apply(assign));
        CHECK(held.digest() == digest_of(held.targets()));
        size_t listed = 0;
        for (const Holdings& list : held.list(7)) {
            CHECK(list.targets.size() <= 7);
            listed += list.targets.size();
        }
        CHECK(listed == held.targets().size());
    }
    CHECK(held.release_all(ReleaseReason::kGone).put.empty());
    CHECK(held.digest() == HoldingDigest{});
}

TEST_CASE("another slot, or another way of holding, is another digest", "[shard][session]") {
    CHECK(holding_hash(1, 0, Holding::kOwner, 0) != holding_hash(1, 1, Holding::kOwner, 0));
    CHECK(holding_hash(1, 0, Holding::kOwner, 0) != holding_hash(1, 0, Holding::kIncoming, 0));
    CHECK(holding_hash(1, 0, Holding::kOwner, 0) != holding_hash(2, 0, Holding::kOwner, 0));
    CHECK(holding_hash(1, 0, Holding::kIncoming, 34) != holding_hash(1, 0, Holding::kIncoming, 40));
}

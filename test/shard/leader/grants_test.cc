#include "shard/leader/grants.h"

#include <catch2/catch.hpp>

using namespace shard;

namespace {

const base::SteadyTime kNow = base::SteadyTime() + std::chrono::seconds(100);

}  // namespace

TEST_CASE("a target is given to the next node when the one before let go", "[shard][leader]") {
    Grants grants;
    CHECK(grants.want(7, 1, kNow) == 1);
    CHECK(grants.want(7, 1, kNow) == 1);
    CHECK(grants.want(7, 2, kNow) == kNoNode);
    const uint64_t number = grants.awaited(7, 1);
    CHECK(number != 0);
    CHECK(grants.awaited(7, 2) == 0);
    REQUIRE(grants.awaited().size() == 1);
    CHECK(grants.awaited()[0].target == 7);
    CHECK(grants.awaited()[0].since == kNow);
    CHECK_FALSE(grants.released(2, number).has_value());
    CHECK_FALSE(grants.released(1, number + 1).has_value());
    CHECK(grants.want(7, 2, kNow) == kNoNode);
    CHECK(grants.released(1, number) == 7);
    CHECK_FALSE(grants.released(1, number).has_value());
    CHECK(grants.want(7, 2, kNow) == 2);
    CHECK(grants.awaited().empty());
}

TEST_CASE("who is to let go gets it back only when he did", "[shard][leader]") {
    Grants grants;
    CHECK(grants.want(7, 1, kNow) == 1);
    CHECK(grants.want(7, kNoNode, kNow) == kNoNode);
    CHECK(grants.want(7, 1, kNow) == kNoNode);  // or his old answer would count for a new release
    CHECK(grants.released(1, grants.awaited(7, 1)) == 7);
    CHECK(grants.want(7, 1, kNow) == 1);
}

TEST_CASE("targets wait each for itself, and releases have numbers of their own",
          "[shard][leader]") {
    Grants grants;
    for (model::TargetId id = 1; id <= 100; ++id) {
        CHECK(grants.want(id, 1, kNow) == 1);
    }
    for (model::TargetId id = 1; id <= 100; ++id) {
        CHECK(grants.want(id, 2, kNow) == kNoNode);
    }
    CHECK(grants.awaited().size() == 100);
    CHECK(grants.released(1, grants.awaited(50, 1)) == 50);
    CHECK(grants.want(50, 2, kNow) == 2);
    CHECK(grants.want(51, 2, kNow) == kNoNode);
    size_t given = 0;
    grants.for_each_given([&](model::TargetId id) {
        ++given;
        CHECK(id == 50);
    });
    CHECK(given == 1);
    const uint64_t number = grants.awaited(51, 1);
    grants.forget(51);
    CHECK_FALSE(grants.released(1, number).has_value());
    grants.clear();
    CHECK(grants.awaited().empty());
    CHECK(grants.want(51, 3, kNow) == 3);
}

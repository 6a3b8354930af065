#include "shard/inventory/inventory_targets.h"

#include <map>

#include <catch2/catch.hpp>

#include "test/shard/inventory/support.h"

using namespace shard;
using namespace shard::inventory_test;
using namespace std::chrono_literals;

namespace {

struct LeaderView : Fixture {
    LeaderView() { configure({{"a", 1}}); }

    void tell(std::vector<TargetPtr> active) {
        report("a", std::move(active));
        targets.step(clock.steady());
    }

    // By id: predecessors.
    [[nodiscard]] std::map<model::TargetId, model::TargetId> wanted() const {
        std::map<model::TargetId, model::TargetId> all;
        targets.for_each([&](const WantedTarget& one) {
            CHECK(one.job == "a");
            all[one.id] = one.predecessor;
        });
        return all;
    }

    InventoryTargets targets{inventory};
};

model::Target relabelled(model::Target one) {
    one.labels = {{"instance", one.labels.get("instance")}, {"team", "db"}};
    return one;
}

}  // namespace

TEST_CASE("a leader sees another version when targets come or go", "[shard][inventory]") {
    LeaderView at;
    CHECK_FALSE(at.targets.complete());
    at.tell(targets("a", 2));
    CHECK(at.targets.complete());
    const uint64_t first = at.targets.version();
    at.tell(targets("a", 2));
    CHECK(at.targets.version() == first);
    at.tell(targets("a", 3));
    CHECK(at.targets.version() == first + 1);
    at.tell(targets("a", 1));
    CHECK(at.targets.version() == first + 2);
    CHECK(at.wanted().size() == 1);
    CHECK(at.targets.descriptor(at.wanted().begin()->first)->job == "a");
}

TEST_CASE("a leader is told which descriptions changed, once", "[shard][inventory]") {
    LeaderView at;
    model::Target one = target("a", "x");
    at.tell({shared(one)});
    const uint64_t version = at.targets.version();
    CHECK(at.targets.take_redescribed().empty());
    one.interval = 30s;
    at.tell({shared(one)});
    CHECK(at.targets.version() == version);
    CHECK(at.targets.take_redescribed() == std::vector{target_key(one)});
    CHECK(at.targets.take_redescribed().empty());
}

TEST_CASE("a leader is told predecessors for ten minutes", "[shard][inventory]") {
    LeaderView at;
    const model::Target before = target("a", "x");
    const model::Target after = relabelled(before);
    at.tell({shared(before)});
    at.tell({shared(after)});
    const std::map<model::TargetId, model::TargetId> with{{target_key(after), target_key(before)}};
    CHECK(at.wanted() == with);
    at.clock.advance(kPredecessorsKept - 1ms);
    at.targets.step(at.clock.steady());
    CHECK(at.wanted() == with);
    at.clock.advance(1ms);
    at.targets.step(at.clock.steady());
    CHECK(at.wanted().at(target_key(after)) == 0);
}

TEST_CASE("a leader's step lets go of what was held long enough", "[shard][inventory]") {
    LeaderView at;
    at.tell(targets("a", 20));
    at.tell({});
    CHECK(at.targets.step(at.clock.steady()) == at.clock.steady() + 120s);
    at.clock.advance(120s);
    const uint64_t version = at.targets.version();
    CHECK(at.targets.step(at.clock.steady()) == base::SteadyTime::max());
    CHECK(at.targets.version() == version + 1);
    CHECK(at.wanted().empty());
}

TEST_CASE("who led and leads again sees everything anew", "[shard][inventory]") {
    LeaderView at;
    at.tell(targets("a", 2));
    const uint64_t version = at.targets.version();
    at.targets.rest();
    at.configure({});
    at.targets.step(at.clock.steady());
    CHECK(at.targets.version() > version);
    CHECK(at.wanted().empty());
}

#include <catch2/catch.hpp>

#include "base/random.h"
#include "test/shard/assignment/table_support.h"

using namespace shard;
using namespace test_support;
using Catch::Matchers::Contains;
using Nodes = std::vector<NodeNumber>;

namespace {

// Target 7 of two slots, on nodes 1 and 2 of four.
Table table_with_target() {
    Table table = table_of(4);
    must(table, plan(table, {Assign{7, 1, 33, {1, 2}}}));
    return table;
}

}  // namespace

TEST_CASE("a plan makes targets", "[shard][table]") {
    Table table = table_with_target();
    REQUIRE(table.targets() == 1);
    const auto target = table.target(7);
    REQUIRE(target.has_value());
    CHECK(target->id == 7);
    CHECK(table.jobs()[target->job] == "b");
    CHECK(target->weight == 33);
    REQUIRE(target->owners.size() == 2);
    CHECK(target->owners[0] == Owner{1, 0});
    CHECK(target->owners[1] == Owner{2, 0});
    CHECK(target->move == nullptr);
    CHECK_FALSE(table.target(8).has_value());
    CHECK(table.jobs().size() == 1);  // "a" has no targets
}

TEST_CASE("every plan that is carried out raises the epoch by one", "[shard][table]") {
    Table table = table_with_target();
    const Epoch before = table.epoch();
    CHECK(must(table, plan(table, {})).epoch == before + 1);
    CHECK(must(table, plan(table, {Weigh{7, 33}})).epoch == before + 2);
    CHECK(must(table, plan(table, {AbortMove{7, 1}})).epoch == before + 3);
}

TEST_CASE("a plan for another epoch is not carried out", "[shard][table]") {
    Table table = table_with_target();
    EditPlan stale = plan(table, {Weigh{7, 1}});
    stale.expected -= 1;
    CHECK_THAT(must_not(table, stale), Contains("made for epoch 4"));
    stale.expected += 2;
    must_not(table, stale);
}

TEST_CASE("one part that makes no sense stops the whole plan", "[shard][table]") {
    Table table = table_with_target();
    CHECK_THAT(must_not(table, plan(table, {Assign{8, 0, 0, {3}}, Weigh{7, 1}, Weigh{9, 1}})),
               Contains("target 9 is not in the table"));
}

TEST_CASE("an owner that keeps its slot keeps its time in it", "[shard][table]") {
    Table table = table_with_target();
    must(table, plan(table, {Assign{7, 0, 4, {1, 3, 2}}}, kNow + 50));
    const auto target = table.target(7);
    CHECK(table.jobs()[target->job] == "a");
    CHECK(target->weight == 4);
    REQUIRE(target->owners.size() == 3);
    CHECK(target->owners[0] == Owner{1, 0});
    CHECK(target->owners[1] == Owner{3, kNow + 50});
    CHECK(target->owners[2] == Owner{2, kNow + 50});
    must(table, plan(table, {Assign{7, 0, 4, {kNoNode}}}, kNow + 60));
    CHECK(table.target(7)->owners[0] == Owner{kNoNode, kNow + 60});
    CHECK(table.target(7)->owners.size() == 1);
}

TEST_CASE("an assignment that makes no sense is refused", "[shard][table]") {
    Table table = table_with_target();
    const auto check = [&](const Assign& assign, const std::string& why) {
        CHECK_THAT(must_not(table, plan(table, {assign})), Contains(why));
    };
    check({8, 0, 0, {}}, "0 slots");
    check({8, 0, 0, {9}}, "node 9 (there is none)");
    check({8, 0, 0, {1, 2, 1}}, "twice");
    check({8, 2, 0, {1}}, "a job that the plan does not name");
    must(table, plan(table, {Assign{8, 0, 0, {kNoNode, kNoNode}}}));
    must(table, plan(table, {Assign{8, 0, 0, {1, 2, 3, 4, 0, 0, 0, 0}}}));
    EditPlan bad_job = plan(table, {Assign{8, 1, 0, {1}}});
    bad_job.jobs = {"", "line\nbreak"};
    CHECK_THAT(must_not(table, bad_job), Contains("control characters"));
    bad_job.jobs = {"line\nbreak", "unused names are not looked at"};
    must(table, bad_job);
}

TEST_CASE("a move begins, and ends with the new owner", "[shard][table]") {
    Table table = table_with_target();
    const EditAnswer begun = must(table, plan(table, {StartMove{7, 1, 3}}, kNow + 10));
    REQUIRE(table.target(7)->move != nullptr);
    CHECK(*table.target(7)->move == Move{1, 2, 3, begun.epoch, kNow + 10});
    CHECK(owners(table, 7) == Nodes{1, 2});
    CHECK(table.moves() == 1);
    must(table, plan(table, {FinishMove{7, begun.epoch}}, kNow + 20));
    CHECK(table.moves() == 0);
    CHECK(table.target(7)->move == nullptr);
    CHECK(table.target(7)->owners[0] == Owner{1, 0});
    CHECK(table.target(7)->owners[1] == Owner{3, kNow + 20});
}

TEST_CASE("a move is aborted, and nothing has changed", "[shard][table]") {
    Table table = table_with_target();
    const EditAnswer begun = must(table, plan(table, {StartMove{7, 1, 3}}, kNow + 10));
    must(table, plan(table, {AbortMove{7, begun.epoch}}, kNow + 20));
    CHECK(table.moves() == 0);
    CHECK(table.target(7)->owners[1] == Owner{2, 0});
}

TEST_CASE("the end of another move is passed over", "[shard][table]") {
    Table table = table_with_target();
    const EditAnswer begun = must(table, plan(table, {StartMove{7, 1, 3}}));
    must(table,
         plan(table,
              {FinishMove{7, begun.epoch - 1},
               AbortMove{7, begun.epoch + 1},
               FinishMove{99, begun.epoch},
               AbortMove{99, begun.epoch}}));
    REQUIRE(table.target(7)->move != nullptr);
    CHECK(table.target(7)->move->epoch == begun.epoch);
    CHECK(table.targets() == 1);
}

TEST_CASE("a move that makes no sense is refused", "[shard][table]") {
    Table table = table_with_target();
    must(table, plan(table, {Assign{8, 0, 0, {kNoNode}}}));
    const auto check = [&](const StartMove& move, const std::string& why) {
        CHECK_THAT(must_not(table, plan(table, {move})), Contains(why));
    };
    check({9, 0, 3}, "not in the table");
    check({7, 2, 3}, "no such slot");
    check({7, 0, 9}, "node 9 (there is none)");
    check({7, 0, kNoNode}, "node 0 (there is none)");
    check({7, 0, 1}, "a node that has it");
    check({7, 0, 2}, "a node that has it");
    check({8, 0, 1}, "nobody to move from");
    must(table, plan(table, {StartMove{7, 0, 3}}));
    check({7, 1, 4}, "on the move already");
    CHECK_THAT(must_not(table, plan(table, {Assign{7, 0, 0, {1}}})), Contains("on the move"));
}

TEST_CASE("a target is assigned once its move is aborted in the same plan", "[shard][table]") {
    Table table = table_with_target();
    const EditAnswer begun = must(table, plan(table, {StartMove{7, 0, 3}}));
    must(table, plan(table, {AbortMove{7, begun.epoch}, Assign{7, 0, 0, {4}}, StartMove{7, 0, 1}}));
    CHECK(owners(table, 7) == Nodes{4});
    CHECK(table.target(7)->move->to == 1);
}

TEST_CASE("weighing changes the weight alone", "[shard][table]") {
    Table table = table_with_target();
    must(table, plan(table, {Weigh{7, 99}}, kNow + 9));
    CHECK(table.target(7)->weight == 99);
    CHECK(table.target(7)->owners[0].since_s == 0);
}

TEST_CASE("a forgotten target leaves a tombstone, and its move ends", "[shard][table]") {
    Table table = table_with_target();
    must(table, plan(table, {StartMove{7, 0, 3}}));
    must(table, plan(table, {Forget{7, kNow + 600}}));
    CHECK(table.targets() == 0);
    CHECK(table.moves() == 0);
    CHECK(table.tombstones() == 1);
    CHECK(table.tombstone(7) == Tombstone{7, kNow + 600, {1, 2}});
    CHECK_FALSE(table.tombstone(8).has_value());
    CHECK_THAT(must_not(table, plan(table, {Forget{7, 0}})), Contains("not in the table"));
}

TEST_CASE("a target leaves no tombstone without a time or an owner", "[shard][table]") {
    Table table = table_with_target();
    must(table, plan(table, {Assign{8, 0, 0, {kNoNode, 2}}, Assign{9, 0, 0, {kNoNode}}}));
    must(table, plan(table, {Forget{7, 0}, Forget{8, kNow}, Forget{9, kNow}}));
    CHECK(table.tombstones() == 1);
    CHECK(table.tombstone(8) == Tombstone{8, kNow, {2}});
}

TEST_CASE("a target that comes back has no tombstone", "[shard][table]") {
    Table table = table_with_target();
    must(table, plan(table, {Forget{7, kNow + 600}}));
    must(table, plan(table, {Assign{7, 0, 0, {3}}}, kNow + 5));
    CHECK(table.tombstones() == 0);
    CHECK(table.target(7)->owners[0] == Owner{3, 0});
    must(table, plan(table, {Forget{7, kNow + 600}, Assign{7, 0, 0, {3}}}, kNow + 9));
    CHECK(table.tombstones() == 0);
    CHECK(table.target(7)->owners[0] == Owner{3, 0});
}

TEST_CASE("tombstones go when their time has come", "[shard][table]") {
    Table table = table_of(1);
    must(table, plan(table, {Assign{7, 0, 0, {1}}, Assign{8, 0, 0, {1}}}));
    must(table, plan(table, {Forget{7, kNow + 10}, Forget{8, kNow + 20}}));
    const Epoch before = table.epoch();
    must(table, ExpireTombstones{kNow + 9});
    CHECK(table.tombstones() == 2);
    must(table, ExpireTombstones{kNow + 10});
    CHECK(table.tombstones() == 1);
    CHECK(table.tombstone(8).has_value());
    CHECK(table.epoch() == before);
}

TEST_CASE("targets and moves are visited in the order of their ids", "[shard][table]") {
    Table table = table_of(2);
    std::vector<PlanEdit> parts;
    for (const model::TargetId id : {900, 3, 77, 0, 500}) {
        parts.emplace_back(Assign{id, 0, 0, {1}});
    }
    must(table, plan(table, parts));
    must(table, plan(table, {StartMove{900, 0, 2}, StartMove{3, 0, 2}}));
    std::vector<model::TargetId> all, moving;
    table.for_each_target([&](const TargetView& target) { all.push_back(target.id); });
    table.for_each_move([&](const TargetView& target) {
        moving.push_back(target.id);
        CHECK(target.move->to == 2);
    });
    CHECK(all == std::vector<model::TargetId>{0, 3, 77, 500, 900});
    CHECK(moving == std::vector<model::TargetId>{3, 900});
}

TEST_CASE("a million targets with one owner would take at most 64 MiB", "[shard][table]") {
    Table table = table_of(50);
    base::SeededRandom random(11);
    constexpr size_t kTargets = 100'000;
    for (size_t i = 0; i < kTargets; i += 2000) {
        std::vector<PlanEdit> parts;
        for (size_t k = 0; k < 2000; ++k) {
            parts.emplace_back(
                Assign{random.u64(), 0, 40, {static_cast<NodeNumber>(1 + random.below(50))}});
        }
        must(table, plan(table, std::move(parts)));
    }
    CHECK(table.targets() == kTargets);
    CHECK(table.memory_bytes() <= (size_t{64} << 20) / 1'000'000 * kTargets);
}

#include <catch2/catch.hpp>

#include "test/shard/assignment/table_support.h"

using namespace shard;
using namespace test_support;

TEST_CASE("what was changed is told once, each target and node once", "[shard][table]") {
    Table table = table_of(2);
    must(table, plan(table, {Assign{7, 0, 0, {1}}, Assign{8, 0, 0, {1}}}));
    must(table, plan(table, {Weigh{7, 1}, Weigh{7, 2}}));
    const TableChange change = table.take_change();
    CHECK(change.epoch == table.epoch());
    CHECK(change.targets == std::vector<model::TargetId>{7, 8});
    CHECK(change.nodes == std::vector<NodeNumber>{1, 2});
    CHECK(change.settings);  // the job "a" is new
    CHECK_FALSE(change.takeovers);
    CHECK_FALSE(change.everything);
    const TableChange none = table.take_change();
    CHECK(none.epoch == table.epoch());
    CHECK((none.targets.empty() && none.nodes.empty() && !none.settings && !none.everything));
}

TEST_CASE("what changes nothing is not told", "[shard][table]") {
    Table table = table_of(2);
    must(table, plan(table, {Assign{7, 0, 5, {1}}}));
    static_cast<void>(table.take_change());
    must(table, plan(table, {Weigh{7, 5}, FinishMove{7, 1}, AbortMove{99, 1}}));
    must(table, node("n1"));
    must(table, Pause{false});
    must_not(table, RemoveNode{1});
    const TableChange none = table.take_change();
    CHECK((none.targets.empty() && none.nodes.empty() && !none.settings && !none.takeovers));
}

TEST_CASE("takeovers, settings and forgotten targets are told", "[shard][table]") {
    Table table = table_of(2);
    must(table, plan(table, {Assign{7, 0, 5, {1}}}));
    static_cast<void>(table.take_change());
    must(table, StartTakeover{1, {2}});
    CHECK(table.take_change().takeovers);
    must(table, EndTakeover{1});
    CHECK(table.take_change().takeovers);
    must(table, Pause{true});
    CHECK(table.take_change().settings);
    must(table, plan(table, {Forget{7, 0}}));
    CHECK(table.take_change().targets == std::vector<model::TargetId>{7});
    must(table, RemoveNode{2});
    CHECK(table.take_change().nodes == std::vector<NodeNumber>{2});
}

TEST_CASE("after restoring everything has changed", "[shard][table]") {
    Table table = table_of(2);
    const std::string bytes = table.snapshot();
    REQUIRE(table.restore(bytes).has_value());
    const TableChange change = table.take_change();
    CHECK(change.everything);
    CHECK(change.epoch == 2);
    CHECK_FALSE(table.take_change().everything);
}

TEST_CASE("more changed targets than can be listed are everything", "[shard][table]") {
    Table table = table_of(1);
    const auto assign = [&](size_t from, size_t to) {
        while (from < to) {
            std::vector<PlanEdit> parts;
            for (const size_t end = std::min(to, from + 4000); from < end; ++from) {
                parts.emplace_back(Assign{from, 0, 0, {1}});
            }
            must(table, plan(table, std::move(parts)));
        }
    };
    assign(0, kChangedTargetsMax);
    CHECK(table.take_change().targets.size() == kChangedTargetsMax);
    assign(0, kChangedTargetsMax + 1);
    const TableChange change = table.take_change();
    CHECK(change.everything);
    CHECK(change.targets.empty());
}

#include <limits>

#include <catch2/catch.hpp>

#include "test/shard/assignment/table_support.h"

using namespace shard;
using namespace test_support;
using Catch::Matchers::Contains;

TEST_CASE("a cluster gets its name once", "[shard][table]") {
    Table table;
    CHECK(table.cluster_id().empty());
    CHECK_THAT(must_not(table, FoundCluster{""}), Contains("empty"));
    must(table, FoundCluster{"first"});
    must(table, FoundCluster{"first"});
    CHECK_THAT(must_not(table, FoundCluster{"second"}), Contains("has the name first"));
    CHECK(table.cluster_id() == "first");
    CHECK(table.epoch() == 0);
}

TEST_CASE("nodes get numbers that are never another's", "[shard][table]") {
    Table table = table_of(3);
    must(table, RemoveNode{3});
    must(table, RemoveNode{1});
    CHECK(must(table, node("n1")).node == 4);
    REQUIRE(table.nodes().size() == 2);
    CHECK(table.nodes()[0].id == "n2");
    CHECK(table.nodes()[1].id == "n1");
    CHECK(table.node("n1")->number == 4);
    CHECK(table.node(NodeNumber{4})->id == "n1");
    CHECK(table.node(NodeNumber{3}) == nullptr);
    CHECK(table.node("n3") == nullptr);
}

TEST_CASE("a node that says the same again changes nothing", "[shard][table]") {
    Table table = table_of(2);
    const Epoch before = table.epoch();
    CHECK(must(table, node("n2")).node == 2);
    CHECK(table.epoch() == before);
}

TEST_CASE("a node that lost its disk keeps its number, state and targets", "[shard][table]") {
    Table table;
    must(table, PutNode{"a", 111, "old:1", "west", 10, 1});
    must(table, SetAdmin{1, Admin::kDraining, 0});
    must(table, plan(table, {Assign{5, 0, 0, {1}}}));
    const Epoch before = table.epoch();
    CHECK(must(table, PutNode{"a", 222, "new:1", "east", 20, 2}).node == 1);
    CHECK(table.epoch() == before + 1);
    CHECK(*table.node(NodeNumber{1}) ==
          NodeRecord{1, "a", 222, "new:1", "east", 20, Admin::kDraining, 0, 2});
    CHECK(owners(table, 5) == std::vector<NodeNumber>{1});
}

TEST_CASE("two nodes are not the same member of the group", "[shard][table]") {
    Table table;
    must(table, PutNode{"a", 111, "", "", 0, 0});
    must(table, PutNode{"b", 0, "", "", 0, 0});
    must(table, PutNode{"c", 0, "", "", 0, 0});
    CHECK_THAT(must_not(table, PutNode{"b", 111, "", "", 0, 0}), Contains("disk copied"));
    CHECK_THAT(must_not(table, PutNode{"d", 111, "", "", 0, 0}), Contains("disk copied"));
}

TEST_CASE("names of nodes and zones are short and can be printed", "[shard][table]") {
    Table table;
    const auto check = [&](const std::string& id,
                           const std::string& address,
                           const std::string& zone,
                           const std::string& why) {
        CHECK_THAT(must_not(table, PutNode{id, 0, address, zone, 0, 0}), Contains(why));
    };
    check("", "", "", "empty");
    check("a\nb", "", "", "control");
    check("a\x7f", "", "", "control");
    check("a\xff", "", "", "UTF-8");
    check(std::string(kNameBytesMax + 1, 'a'), "", "", "at most 253");
    check("a", "x\ty", "", "address");
    check("a", "", std::string(kNameBytesMax + 1, 'z'), "zone");
    must(table, PutNode{std::string(kNameBytesMax, 'a'), 0, "", "zone \xc3\xa4", 0, 0});
}

TEST_CASE("there are no more nodes than the limit says", "[shard][table]") {
    Table table = table_of(kNodesMax);
    CHECK_THAT(must_not(table, node("one more")), Contains("4096"));
    must(table, node("n17", 5));
    must(table, RemoveNode{9});
    must(table, node("one more"));
}

TEST_CASE("a node's state is set, and maintenance has an end", "[shard][table]") {
    Table table = table_of(1);
    const Epoch before = table.epoch();
    must(table, SetAdmin{1, Admin::kMaintenance, 5000});
    CHECK(table.node(NodeNumber{1})->admin == Admin::kMaintenance);
    CHECK(table.node(NodeNumber{1})->maintenance_until_ms == 5000);
    must(table, SetAdmin{1, Admin::kMaintenance, 5000});
    CHECK(table.epoch() == before + 1);
    must(table, SetAdmin{1, Admin::kDrained, 5000});
    CHECK(table.node(NodeNumber{1})->maintenance_until_ms == 0);
    CHECK(table.epoch() == before + 2);
    CHECK_THAT(must_not(table, SetAdmin{2, Admin::kActive, 0}), Contains("no node 2"));
}

TEST_CASE("pausing is remembered and leaves the epoch", "[shard][table]") {
    Table table = table_of(1);
    const Epoch before = table.epoch();
    CHECK_FALSE(table.paused());
    must(table, Pause{true});
    CHECK(table.paused());
    must(table, Pause{false});
    CHECK_FALSE(table.paused());
    CHECK(table.epoch() == before);
}

TEST_CASE("a node is not removed while it owns, gets or takes over", "[shard][table]") {
    Table table = table_of(4);
    must(table, plan(table, {Assign{5, 0, 0, {1, 2}}}));
    CHECK_THAT(must_not(table, RemoveNode{9}), Contains("no node 9"));
    CHECK_THAT(must_not(table, RemoveNode{2}), Contains("n2 has targets"));
    must(table, plan(table, {StartMove{5, 0, 3}}));
    CHECK_THAT(must_not(table, RemoveNode{3}), Contains("n3 has targets"));
    must(table, StartTakeover{1, {4}});
    CHECK_THAT(must_not(table, RemoveNode{4}), Contains("scrapes for node 1"));
    must(table, EndTakeover{1});
    must(table, RemoveNode{4});
    CHECK(table.node(NodeNumber{4}) == nullptr);
}

TEST_CASE("a node that goes is taken over from no more", "[shard][table]") {
    Table table = table_of(2);
    must(table, StartTakeover{1, {2}});
    must(table, RemoveNode{1});
    CHECK(table.takeovers().empty());
}

TEST_CASE("takeovers are replaced and ended", "[shard][table]") {
    Table table = table_of(5);
    const Epoch before = table.epoch();
    must(table, StartTakeover{3, {5, 1}});
    must(table, StartTakeover{2, {1}});
    REQUIRE(table.takeovers().size() == 2);
    CHECK(table.takeovers()[0] == Takeover{2, before + 2, {1}});
    CHECK(table.takeovers()[1] == Takeover{3, before + 1, {1, 5}});
    must(table, StartTakeover{3, {1, 5}});  // the same
    CHECK(table.epoch() == before + 2);
    must(table, StartTakeover{3, {1, 4}});
    CHECK(table.takeovers()[1] == Takeover{3, before + 3, {1, 4}});
    must(table, EndTakeover{3});
    CHECK(table.takeovers().size() == 1);
    CHECK(table.epoch() == before + 4);
    CHECK_THAT(must_not(table, EndTakeover{3}), Contains("nobody has taken over from node 3"));
}

TEST_CASE("a takeover that makes no sense is refused", "[shard][table]") {
    Table table = table_of(3);
    must_not(table, StartTakeover{9, {1}});
    must_not(table, StartTakeover{1, {}});
    must_not(table, StartTakeover{1, {1, 2}});
    must_not(table, StartTakeover{1, {2, 2}});
    must_not(table, StartTakeover{1, {2, 9}});
    must_not(table, StartTakeover{1, {0, 2}});
    must_not(table, StartTakeover{0, {2}});
}

TEST_CASE("bytes that are no edit are refused with a reason", "[shard][table]") {
    Table table = table_of(1);
    const EditAnswer answer = table.apply("\xff\xff");
    CHECK_FALSE(answer.applied);
    CHECK(answer.epoch == 1);
    CHECK_THAT(answer.reason, Contains("no edit"));
    CHECK_THAT(table.apply("").reason, Contains("upgrade"));
}

// A member in its cluster, as a whole.
#include <catch2/catch.hpp>

#include "test/shard/member/member_world.h"

using namespace member_test;
using namespace std::chrono_literals;

namespace {

void start_all(World& world) {
    for (const auto& node : world.nodes) {
        node->discover(30);
        node->start();
    }
}

// Every target is scraped by one node, and nobody has much more than others.
bool spread(const World& world, size_t targets, size_t nodes) {
    const auto scrapers = world.scrapers();
    std::map<std::string, size_t> counts;
    for (const auto& [target, by] : scrapers) {
        if (by.size() != 1) {
            return false;
        }
        ++counts[*by.begin()];
    }
    return scrapers.size() == targets && counts.size() == nodes;
}

}  // namespace

TEST_CASE("member: a node alone founds its cluster and scrapes everything", "[shard][member]") {
    World world(1);
    start_all(world);
    REQUIRE(world.until([&] { return spread(world, 30, 1); }));
    CHECK(world.leader() == &world.node(1));
    CHECK(world.voters() == 1);
}

TEST_CASE("member: three nodes found one cluster in which all vote", "[shard][member]") {
    World world(3);
    start_all(world);
    REQUIRE(world.until([&] { return world.voters() == 3; }));
    REQUIRE(world.until([&] { return spread(world, 30, 3); }));
    const std::string cluster = world.node(1).member->status().cluster_id;
    CHECK(!cluster.empty());
    for (const auto& node : world.nodes) {
        CHECK(node->member->status().cluster_id == cluster);
        CHECK(node->member->status().session.state == SessionState::kOpen);
    }
}

TEST_CASE("member: nodes that start together share the targets within three seconds",
          "[shard][member]") {
    World world(3);
    for (const auto& node : world.nodes) {
        node->discover(30);
        node->starting = true;  // as the program says at first
        node->start();
        world.pass(350ms);
    }
    for (const auto& node : world.nodes) {
        node->starting = false;
        node->member->totals_changed();
    }
    world.pass(2s);
    CHECK(spread(world, 30, 3));
}

TEST_CASE("member: a node that joins has targets within two seconds", "[shard][member]") {
    World world(3);
    start_all(world);
    REQUIRE(world.until([&] { return world.voters() == 3 && spread(world, 30, 3); }));
    world.pass(60s);
    world.nodes.push_back(std::make_unique<Node>(world, "n4", world.node(1).join));
    Node& late = world.node(4);
    late.starting = true;
    late.start();
    world.pass(700ms);
    late.starting = false;
    late.member->totals_changed();
    world.pass(1300ms);
    CHECK(!late.scraped.empty());
    CHECK(late.member->status().session.state == SessionState::kOpen);
}

TEST_CASE("member: nobody founds before a majority is there", "[shard][member]") {
    World world(3);
    world.node(1).discover(30);
    world.node(1).start();
    world.pass(30s);
    CHECK(world.node(1).member->status().cluster_id.empty());
    world.node(3).discover(30);
    world.node(3).start();
    CHECK(world.until([&] { return world.leader() == &world.node(1); }));
}

TEST_CASE("member: when the leader is killed another leads and its targets are scraped",
          "[shard][member]") {
    World world(3);
    start_all(world);
    REQUIRE(world.until([&] { return world.voters() == 3 && spread(world, 30, 3); }));
    Node& first = *world.leader();
    first.kill();
    REQUIRE(world.until([&] { return world.leader() != nullptr; }));
    Node& second = *world.leader();
    CHECK(world.until([&] { return spread(world, 30, 2); }));
    // Who leads now is not silent to itself.
    for (const Takeover& takeover : second.member->table().takeovers()) {
        CHECK(second.member->table().node(takeover.node)->id == first.id);
    }
    for (const LeaderEvent& event : second.member->leading()->events()) {
        CHECK(event.text.find("node " + second.id + " was awaited and is suspect") ==
              std::string::npos);
    }
    first.start();
    CHECK(world.until([&] { return spread(world, 30, 3); }));
}

TEST_CASE("member: who lost its disk comes back as somebody else and votes again",
          "[shard][member]") {
    World world(3);
    start_all(world);
    REQUIRE(world.until([&] { return world.voters() == 3 && spread(world, 30, 3); }));
    Node& lost = world.node(2);
    lost.kill();
    lost.lose_disk();
    lost.start();
    REQUIRE(world.until([&] {
        const Node* const leads = world.leader();
        return leads != nullptr && world.voters() == 3 &&
               leads->member->status().raft.configuration.is_voter(lost.member_id);
    }));
    CHECK(world.until([&] { return spread(world, 30, 3); }));
}

TEST_CASE("member: all restart at once, scrape what they had, and lead again", "[shard][member]") {
    World world(3);
    start_all(world);
    REQUIRE(world.until([&] { return world.voters() == 3 && spread(world, 30, 3); }));
    const auto before = world.scrapers();
    for (const auto& node : world.nodes) {
        node->kill();
    }
    for (const auto& node : world.nodes) {
        node->start();
    }
    CHECK(world.scrapers() == before);
    CHECK(world.until([&] { return world.leader() != nullptr; }));
    world.pass(30s);
    CHECK(world.scrapers() == before);
}

TEST_CASE("member: a leader that stops lets another lead first", "[shard][member]") {
    World world(3);
    start_all(world);
    REQUIRE(world.until([&] { return world.voters() == 3 && spread(world, 30, 3); }));
    Node& first = *world.leader();
    first.member->stopping();
    CHECK_FALSE(first.member->may_stop());
    REQUIRE(world.until([&] { return first.member->may_stop(); }));
    REQUIRE(world.leader() != nullptr);
    CHECK(world.leader() != &first);
    // Others scrape for it before it goes.
    for (const auto& [target, by] : world.scrapers()) {
        CHECK((by.size() > 1 || !by.contains(first.id)));
    }
}

TEST_CASE("member: a node that is not in the list joins and votes when it is needed",
          "[shard][member]") {
    World world(2);
    start_all(world);
    REQUIRE(world.until([&] { return world.leader() != nullptr && spread(world, 30, 2); }));
    CHECK(world.voters() == 1);
    world.nodes.push_back(std::make_unique<Node>(world, "n3", world.node(1).join));
    world.node(3).discover(30);
    world.node(3).start();
    CHECK(world.until([&] { return world.voters() == 3; }));
}

TEST_CASE("member: who leads no more does not send others to itself", "[shard][member]") {
    World world(3);
    start_all(world);
    REQUIRE(world.until([&] { return world.voters() == 3 && spread(world, 30, 3); }));
    Node& first = *world.leader();
    bool sent_to_itself = false;
    REQUIRE(first.member->transfer(kNoNode));
    REQUIRE(world.until([&] {
        sent_to_itself |= !first.member->status().leads &&
                          first.member->identity().leader_address == first.address();
        const Node* const leads = world.leader();
        return leads != nullptr && leads != &first &&
               first.member->status().session.state == SessionState::kOpen &&
               first.member->identity().leader_address == leads->address();
    }));
    CHECK_FALSE(sent_to_itself);
}

// Reads without the log: Raft 6.4.
#include <catch2/catch.hpp>

#include "test/shard/raft/core_harness.h"

namespace raft_test {

namespace {

const Configuration kThree = group_of({1, 2, 3}, {4});
const CoreOptions kOptions;

Node leader_of_three() {
    Node node(1, kOptions, Disk::of_group(kThree));
    node.win({2});
    node.hear(2, 2, AppendReply{.accepted = true, .index = 2});
    node.sent.clear();
    return node;
}

}  // namespace

TEST_CASE("raft: a read waits for a majority to answer a heartbeat begun after it",
          "[shard][raft]") {
    Node leader = leader_of_three();
    leader.tick(kOptions.heartbeat_ticks);
    REQUIRE(leader.said<Heartbeat>(2).back().round == 1);
    REQUIRE(leader.core().read(77));
    leader.work();
    const auto beats = leader.said<Heartbeat>(2);
    REQUIRE(beats.size() == 1);
    CHECK(beats[0].round == 2);
    leader.hear(2, 2, HeartbeatReply{.round = 1, .last_index = 2});
    leader.hear(4, 2, HeartbeatReply{.round = 2, .last_index = 2});  // a learner
    CHECK(leader.reads.empty());
    leader.hear(3, 2, HeartbeatReply{.round = 2, .last_index = 2});
    REQUIRE(leader.reads.size() == 1);
    CHECK(leader.reads[0].context == 77);
    CHECK(leader.reads[0].index == 2);
}

TEST_CASE("raft: reads share a round, and those that come later wait for the next",
          "[shard][raft]") {
    Node leader = leader_of_three();
    REQUIRE(leader.core().read(1));
    REQUIRE(leader.core().read(2));
    leader.work();
    REQUIRE(leader.core().read(3));
    leader.work();
    CHECK(leader.said<Heartbeat>(2).size() == 1);
    leader.hear(2, 2, HeartbeatReply{.round = 1, .last_index = 2});
    CHECK(leader.reads.size() == 2);
    CHECK(leader.said<Heartbeat>(2).size() == 1);  // for the third
    leader.hear(2, 2, HeartbeatReply{.round = 2, .last_index = 2});
    CHECK(leader.reads.size() == 3);
}

TEST_CASE("raft: a read whose heartbeat was lost goes with the next", "[shard][raft]") {
    Node leader = leader_of_three();
    REQUIRE(leader.core().read(1));
    leader.work();
    leader.said<Heartbeat>();
    leader.tick(kOptions.heartbeat_ticks);
    leader.hear(3, 2, HeartbeatReply{.round = 2, .last_index = 2});
    CHECK(leader.reads.size() == 1);
}

TEST_CASE("raft: a single voter reads at once", "[shard][raft]") {
    Node leader(1, kOptions, Disk::of_group(group_of({1}, {2})));
    leader.work();
    REQUIRE(leader.core().leads());
    REQUIRE(leader.core().read(5));
    leader.work();
    CHECK(leader.reads.at(0).index == 2);
}

TEST_CASE("raft: reads are refused where nobody leads, and fail when leadership is lost",
          "[shard][raft]") {
    Node node(1, kOptions, Disk::of_group(kThree));
    CHECK(node.core().read(1).error().code() == base::Code::kUnavailable);
    node.win({2});
    CHECK(node.core().read(1).error().code() == base::Code::kUnavailable);  // no no-op yet
    node.hear(2, 2, AppendReply{.accepted = true, .index = 2});
    REQUIRE(node.core().read(1));
    REQUIRE(node.core().read(2));
    node.work();
    node.hear(3, 9, VoteReply{});
    CHECK(node.failed_reads == std::vector<uint64_t>{1, 2});
    CHECK(node.reads.empty());
}

TEST_CASE("raft: waiting reads have a limit", "[shard][raft]") {
    Node leader = leader_of_three();
    uint64_t context = 0;
    while (leader.core().read(context)) {
        ++context;
        REQUIRE(context < 100000);
    }
    CHECK(leader.core().read(context).error().code() == base::Code::kLimit);
    leader.work();
    leader.hear(2, 2, HeartbeatReply{.round = 1, .last_index = 2});
    CHECK(leader.reads.size() == context);
    CHECK(leader.core().read(context));
}

TEST_CASE("raft: a cut off leader confirms no reads", "[shard][raft]") {
    Group group(kThree);
    group.elect(1);
    group.cut_off(1);
    REQUIRE(group[1].core().read(1));
    group.elect(2);
    REQUIRE(group[2].core().propose("new"));
    group.settle();
    group.tick(2 * kOptions.election_ticks);
    CHECK(group[1].reads.empty());
    CHECK(group[1].failed_reads == std::vector<uint64_t>{1});
}

}  // namespace raft_test

// What is committed, and when: Raft 3.6.2, 6.4, 10.2.1.
#include <catch2/catch.hpp>

#include "test/shard/raft/core_harness.h"

namespace raft_test {

namespace {

const Configuration kThree = group_of({1, 2, 3});
const CoreOptions kOptions;

void accept(Node& leader, MemberId from, Index index) {
    leader.hear(from, leader.core().term(), AppendReply{.accepted = true, .index = index});
}

std::vector<std::string> commands(std::initializer_list<const char*> list) {
    return {list.begin(), list.end()};
}

}  // namespace

TEST_CASE("raft: a leader commits what a majority has, and hands it out", "[shard][raft]") {
    Node leader(1, kOptions, Disk::of_group(kThree));
    leader.win({2});
    REQUIRE(leader.core().propose("a").value() == 3);
    REQUIRE(leader.core().propose("b").value() == 4);
    leader.work();
    CHECK(leader.core().commit_index() == 1);
    accept(leader, 2, 3);
    CHECK(leader.core().commit_index() == 3);
    CHECK(leader.machine == commands({"a"}));
    accept(leader, 3, 4);
    CHECK(leader.machine == commands({"a", "b"}));
}

TEST_CASE("raft: entries of earlier terms are not committed by counting", "[shard][raft]") {
    // Figure 3.7 (8 of the paper): term 2's entry is on a majority, and may yet be replaced.
    Node leader(1, kOptions, Disk::of_group(kThree, 3, {entry(2, 2, "old")}));
    leader.win({3});
    CHECK(leader.core().term() == 4);
    accept(leader, 2, 2);
    CHECK(leader.core().commit_index() == 1);
    CHECK_FALSE(leader.core().leads());
    accept(leader, 2, 3);  // the no-op of term 4
    CHECK(leader.core().commit_index() == 3);
    CHECK(leader.core().leads());
    CHECK(leader.machine == commands({"old"}));
}

TEST_CASE("raft: own entries count once they are durable", "[shard][raft]") {
    Node leader(1, kOptions, Disk::of_group(kThree));
    leader.win({2});
    leader.slow_disk = true;
    REQUIRE(leader.core().propose("a"));
    leader.work();
    CHECK(leader.said<AppendRequest>(2).size() == 1);  // sent before it is durable here
    accept(leader, 2, 3);
    CHECK(leader.core().commit_index() == 2);
    leader.write();
    CHECK(leader.core().commit_index() == 3);
    CHECK(leader.machine == commands({"a"}));
}

TEST_CASE("raft: others may commit before the leader's disk, which hands out nothing meanwhile",
          "[shard][raft]") {
    Node leader(1, kOptions, Disk::of_group(kThree));
    leader.win({2});
    leader.slow_disk = true;
    REQUIRE(leader.core().propose("a"));
    leader.work();
    accept(leader, 2, 3);
    accept(leader, 3, 3);
    CHECK(leader.core().commit_index() == 3);
    CHECK(leader.machine.empty());
    leader.write();
    CHECK(leader.machine == commands({"a"}));
}

TEST_CASE("raft: learners' copies commit nothing", "[shard][raft]") {
    Node leader(1, kOptions, Disk::of_group(group_of({1, 2, 3}, {4, 5})));
    leader.win({2});
    accept(leader, 4, 2);
    accept(leader, 5, 2);
    CHECK(leader.core().commit_index() == 1);
    accept(leader, 3, 2);
    CHECK(leader.core().commit_index() == 2);
}

TEST_CASE("raft: all apply the same, and learn quickly what is committed", "[shard][raft]") {
    Group group(group_of({1, 2, 3}, {4}));
    group.elect(2);
    for (const char* const command : {"a", "b", "c"}) {
        REQUIRE(group[2].core().propose(command));
        group.settle();  // no tick
    }
    for (const MemberId id : {1, 2, 3, 4}) {
        CAPTURE(id);
        CHECK(group[id].machine == commands({"a", "b", "c"}));
    }
}

TEST_CASE("raft: what is committed outlives its leader", "[shard][raft]") {
    Group group(kThree);
    group.elect(1);
    group.cut_off(3);
    REQUIRE(group[1].core().propose("kept"));
    group.settle();
    CHECK(group[1].machine == commands({"kept"}));
    group.cut_off(1);
    group.reconnect(3);
    group.tick(6 * kOptions.election_ticks);
    CHECK(group[2].core().leads());  // 3 lacks the entry, and nobody votes for it
    CHECK(group[3].machine == commands({"kept"}));
    group.reconnect(1);
    group.tick(kOptions.election_ticks);
    CHECK(group[1].core().leader() == 2);
    CHECK(group[1].machine == commands({"kept"}));
}

TEST_CASE("raft: what was not committed is replaced", "[shard][raft]") {
    Group group(kThree);
    group.elect(1);
    group.cut_off(1);
    REQUIRE(group[1].core().propose("lost"));
    group.settle();
    group.elect(2);
    REQUIRE(group[2].core().propose("kept"));
    group.settle();
    group.reconnect(1);
    group.tick(2 * kOptions.heartbeat_ticks);
    CHECK(group[1].core().leader() == 2);
    CHECK(group[1].machine == commands({"kept"}));
    CHECK(group[1].core().last_index() == group[2].core().last_index());
}

TEST_CASE("raft: proposals have limits", "[shard][raft]") {
    CoreOptions options;
    options.uncommitted_bytes_max = 4 * kCommandBytesMax;
    Node leader(1, options, Disk::of_group(kThree));
    CHECK(leader.core().propose("a").error().code() == base::Code::kUnavailable);
    leader.win({2});
    const auto too_large = leader.core().propose(std::string(kCommandBytesMax + 1, 'x'));
    CHECK(too_large.error().code() == base::Code::kLimit);
    const std::string large(kCommandBytesMax, 'x');
    for (int i = 0; i < 3; ++i) {
        REQUIRE(leader.core().propose(large));
    }
    CHECK(leader.core().propose(large).error().code() == base::Code::kLimit);
    leader.work();
    accept(leader, 2, 5);
    CHECK(leader.core().propose(large));
}

TEST_CASE("raft: a member that starts again applies what it learns is committed", "[shard][raft]") {
    Group group(kThree);
    group.elect(1);
    REQUIRE(group[1].core().propose("a"));
    group.settle();
    group[3].restart();
    CHECK(group[3].machine.empty());
    group.tick(2 * kOptions.heartbeat_ticks);
    CHECK(group[3].machine == commands({"a"}));
    for (const MemberId id : {1, 2, 3}) {
        group[id].restart();
    }
    group.tick(6 * kOptions.election_ticks);
    for (const MemberId id : {1, 2, 3}) {
        CAPTURE(id);
        CHECK(group[id].machine == commands({"a"}));
    }
}

}  // namespace raft_test

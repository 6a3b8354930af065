// Changes of the group: Raft 4.1, 4.2.
#include <catch2/catch.hpp>

#include "test/shard/raft/core_harness.h"

namespace raft_test {

namespace {

const Configuration kThree = group_of({1, 2, 3});
const CoreOptions kOptions;

base::Code refusal(const base::Result<Index>& result) {
    REQUIRE_FALSE(result);
    return result.error().code();
}

void accept(Node& leader, MemberId from, Index index) {
    leader.hear(from, leader.core().term(), AppendReply{.accepted = true, .index = index});
}

}  // namespace

TEST_CASE("raft: one change at a time, and none before the leader leads", "[shard][raft]") {
    Node leader(1, kOptions, Disk::of_group(kThree));
    const Configuration four = group_of({1, 2, 3, 4});
    CHECK(refusal(leader.core().change(four)) == base::Code::kUnavailable);
    leader.win({2});
    CHECK(refusal(leader.core().change(four)) == base::Code::kUnavailable);  // its no-op
    accept(leader, 2, 2);
    CHECK(refusal(leader.core().change(kThree)) == base::Code::kInvalid);
    CHECK(refusal(leader.core().change(group_of({1, 2, 3, 4, 5}))) == base::Code::kInvalid);
    CHECK(refusal(leader.core().change({})) == base::Code::kInvalid);
    REQUIRE(leader.core().change(four).value() == 3);
    CHECK(refusal(leader.core().change(kThree)) == base::Code::kUnavailable);
    leader.work();
    accept(leader, 2, 3);
    CHECK(leader.core().commit_index() == 2);  // of four
    accept(leader, 3, 3);
    CHECK(leader.core().commit_index() == 3);
    CHECK(leader.core().change(kThree));
}

TEST_CASE("raft: a configuration rules as soon as it is appended", "[shard][raft]") {
    Node node(1, kOptions, Disk::of_group(kThree, 2));
    const Configuration two = group_of({1, 2});
    node.hear(2, 2, AppendRequest{.prev_index = 1, .prev_term = 1, .entries = {entry(2, 2, two)}});
    CHECK(node.core().configuration() == two);
    CHECK(node.core().configuration_index() == 2);
    CHECK(node.core().commit_index() == 1);
    node.restart();
    CHECK(node.core().configuration() == two);
}

TEST_CASE("raft: a configuration goes with its entry", "[shard][raft]") {
    Node node(1, kOptions, Disk::of_group(kThree, 2));
    node.hear(
        2,
        2,
        AppendRequest{.prev_index = 1,
                      .prev_term = 1,
                      .entries = {entry(2, 2, group_of({1, 2})), entry(3, 2, group_of({2}))}});
    CHECK(node.core().configuration() == group_of({2}));
    node.restart();  // also when it was read from the disk
    node.hear(3, 4, AppendRequest{.prev_index = 1, .prev_term = 1, .entries = {entry(2, 3)}});
    CHECK(node.core().configuration() == kThree);
    CHECK(node.core().configuration_index() == 1);
}

TEST_CASE("raft: a learner gets the log, votes after its promotion, and may be removed",
          "[shard][raft]") {
    Group group(group_of({1}));
    group.join(2);
    REQUIRE(group[1].core().propose("a"));
    REQUIRE(group[1].core().change(group_of({1}, {2})));
    group.settle();
    group.tick(2 * kOptions.heartbeat_ticks);
    CHECK(group[2].machine == std::vector<std::string>{"a"});
    CHECK(group[2].core().configuration() == group_of({1}, {2}));

    group.cut_off(2);
    REQUIRE(group[1].core().propose("b"));
    group.settle();
    CHECK(group[1].machine.size() == 2);  // a learner is not waited for
    group.reconnect(2);
    REQUIRE(group[1].core().change(group_of({1, 2})));
    group.tick(2 * kOptions.heartbeat_ticks);
    CHECK(group[2].core().configuration() == group_of({1, 2}));
    group.cut_off(2);
    REQUIRE(group[1].core().propose("c"));
    group.settle();
    CHECK(group[1].machine.size() == 2);
    group.reconnect(2);
    group.tick(2 * kOptions.heartbeat_ticks);
    CHECK(group[1].machine.size() == 3);

    REQUIRE(group[1].core().change(group_of({1})));
    group.settle();
    CHECK(group[1].core().commit_index() == group[1].core().last_index());
    CHECK(group[1].core().progress().empty());
}

TEST_CASE("raft: a removed leader commits its removal, without its own vote, and goes",
          "[shard][raft]") {
    Node leader(1, kOptions, Disk::of_group(kThree));
    leader.win({2});
    accept(leader, 2, 2);
    REQUIRE(leader.core().change(group_of({2, 3})).value() == 3);
    leader.work();
    accept(leader, 2, 3);
    CHECK(leader.core().commit_index() == 2);  // both others are needed
    CHECK(leader.core().state() == State::kLeader);
    accept(leader, 3, 3);
    CHECK(leader.core().commit_index() == 3);
    CHECK(leader.core().state() == State::kFollower);
    CHECK(leader.said<TimeoutNow>().size() == 1);
    leader.tick(5 * kOptions.election_ticks);
    CHECK(leader.core().state() == State::kFollower);
}

TEST_CASE("raft: a leader may become a learner", "[shard][raft]") {
    Group group(kThree);
    group.elect(1);
    REQUIRE(group[1].core().change(group_of({2, 3}, {1})));
    group.settle();
    group.tick(kOptions.election_ticks);
    CHECK_FALSE(group[1].core().leads());
    const MemberId leader = group[1].core().leader();
    REQUIRE(leader != kNobody);
    REQUIRE(group[leader].core().propose("a"));
    group.settle();
    CHECK(group[1].machine == std::vector<std::string>{"a"});
}

TEST_CASE("raft: a member whose removal is not committed may be needed to commit it",
          "[shard][raft]") {
    // Raft figure 4.6: 1 has the entry, 2 has not; 2 needs the vote of 1, and 1 refuses it.
    Group group(group_of({1, 2}));
    group.elect(1);
    group.cut_off(2);
    REQUIRE(group[1].core().change(group_of({2})));
    group.settle();
    group[1].restart();
    group.reconnect(2);
    group.tick(10 * kOptions.election_ticks);
    CHECK(group[2].core().leads());
    CHECK(group[2].core().configuration() == group_of({2}));
    CHECK(group[1].core().state() == State::kFollower);
}

TEST_CASE("raft: a removed member disturbs nobody", "[shard][raft]") {
    Group group(kThree);
    group.elect(1);
    group.cut_off(3);
    REQUIRE(group[1].core().change(group_of({1, 2})));
    group.settle();
    const Term term = group[1].core().term();
    group.reconnect(3);
    group.tick(10 * kOptions.election_ticks);  // 3 never learns of it, and campaigns
    CHECK(group[1].core().leads());
    CHECK(group[1].core().term() == term);
    CHECK(group[2].core().term() == term);
    CHECK(group[3].core().state() != State::kLeader);
}

TEST_CASE("raft: an address changes like a role", "[shard][raft]") {
    Group group(kThree);
    group.elect(1);
    Configuration moved = kThree;
    moved.members[2].address = "elsewhere:1";
    REQUIRE(group[1].core().change(moved));
    group.settle();
    CHECK(group[3].core().configuration() == moved);
    CHECK(group[1].core().configuration_index() <= group[1].core().commit_index());
}

}  // namespace raft_test

// Handing leadership over: Raft 3.10.
#include <catch2/catch.hpp>

#include "test/shard/raft/core_harness.h"

namespace raft_test {

namespace {

const Configuration kThree = group_of({1, 2, 3}, {4});
const CoreOptions kOptions;

void accept(Node& leader, MemberId from, Index index) {
    leader.hear(from, leader.core().term(), AppendReply{.accepted = true, .index = index});
}

base::Code refusal(const base::Status& status) {
    REQUIRE_FALSE(status);
    return status.error().code();
}

}  // namespace

TEST_CASE("raft: leadership goes to a voter at once", "[shard][raft]") {
    Group group(kThree);
    group.elect(1);
    const Term term = group[1].core().term();
    REQUIRE(group[1].core().transfer(3));
    group.settle();  // no tick, and nobody minds that it still hears the leader
    CHECK(group[3].core().leads());
    CHECK(group[3].core().term() == term + 1);
    CHECK(group[1].core().leader() == 3);
    CHECK_FALSE(group[1].core().transferring());
}

TEST_CASE("raft: leadership waits until the other has everything", "[shard][raft]") {
    Node leader(1, kOptions, Disk::of_group(kThree));
    leader.win({2});
    accept(leader, 2, 2);
    REQUIRE(leader.core().transfer(3));
    leader.work();
    CHECK(leader.core().transferring());
    CHECK(leader.said<TimeoutNow>().empty());
    CHECK(leader.core().propose("a").error().code() == base::Code::kUnavailable);
    CHECK(leader.core().change(group_of({1, 2, 3})).error().code() == base::Code::kUnavailable);
    accept(leader, 3, 2);
    CHECK(leader.said<TimeoutNow>(3).size() == 1);
    leader.tick(kOptions.heartbeat_ticks);
    CHECK(leader.said<TimeoutNow>(3).size() == 1);  // it may have got lost
}

TEST_CASE("raft: a transfer that leads nowhere is given up", "[shard][raft]") {
    Node leader(1, kOptions, Disk::of_group(kThree));
    leader.win({2});
    REQUIRE(leader.core().transfer(3));
    for (uint32_t i = 0; i < kOptions.transfer_ticks_max; ++i) {
        CHECK(leader.core().transferring());
        leader.hear(2, leader.core().term(), HeartbeatReply{.last_index = 2});
        leader.tick();
    }
    CHECK_FALSE(leader.core().transferring());
    CHECK(leader.core().state() == State::kLeader);
    CHECK(leader.core().propose("a"));
}

TEST_CASE("raft: leadership goes to other voters only", "[shard][raft]") {
    Node leader(1, kOptions, Disk::of_group(kThree));
    CHECK(refusal(leader.core().transfer(2)) == base::Code::kUnavailable);
    leader.win({2});
    CHECK(refusal(leader.core().transfer(1)) == base::Code::kInvalid);
    CHECK(refusal(leader.core().transfer(4)) == base::Code::kInvalid);
    CHECK(refusal(leader.core().transfer(9)) == base::Code::kInvalid);
    REQUIRE(leader.core().transfer(2));
    CHECK(refusal(leader.core().transfer(3)) == base::Code::kUnavailable);
}

TEST_CASE("raft: a leader that steps down lets the best of the others lead", "[shard][raft]") {
    Group group(kThree);
    group.elect(1);
    group[1].core().step_down();
    CHECK(group[1].core().state() == State::kFollower);
    group.settle();
    CHECK((group[2].core().leads() || group[3].core().leads()));
    group[1].core().step_down();  // nothing
    CHECK(group[1].core().state() == State::kFollower);
}

TEST_CASE("raft: a learner does not campaign because it is told to", "[shard][raft]") {
    Node learner(4, kOptions, Disk::of_group(kThree));
    learner.hear(1, 2, TimeoutNow{});
    CHECK(learner.core().state() == State::kFollower);
    CHECK(learner.core().term() == 2);
}

}  // namespace raft_test

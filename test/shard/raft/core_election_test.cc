// Elections: Raft 3.4, 3.6.1, 4.2.3, 6.2, 9.6.
#include <catch2/catch.hpp>

#include "test/shard/raft/core_harness.h"

namespace raft_test {

namespace {

const Configuration kThree = group_of({1, 2, 3});
const CoreOptions kOptions;

Node member_of_three(Term term = 1, const std::vector<Entry>& entries = {}) {
    return {1, kOptions, Disk::of_group(kThree, term, entries)};
}

VoteReply yes(bool pre) {
    return {.pre = pre, .granted = true};
}

VoteReply no(bool pre) {
    return {.pre = pre, .granted = false};
}

}  // namespace

TEST_CASE("raft: a single voter elects itself at once", "[shard][raft]") {
    Node node(7, kOptions, Disk::of_group(group_of({7})));
    node.work();
    CHECK(node.core().state() == State::kLeader);
    CHECK(node.core().leads());
    CHECK(node.core().leader() == 7);
    CHECK(node.core().term() == 2);
    CHECK(node.sent.empty());
}

TEST_CASE("raft: a single voter leads only once its vote is durable", "[shard][raft]") {
    Node node(7, kOptions, Disk::of_group(group_of({7})));
    node.slow_disk = true;
    node.work();
    CHECK(node.core().state() == State::kCandidate);
    node.write(1);
    CHECK(node.core().state() == State::kLeader);
    CHECK_FALSE(node.core().leads());  // its no-op is not durable
    node.write(1);
    CHECK(node.core().leads());
}

TEST_CASE("raft: silence lasts from one to two election timeouts", "[shard][raft]") {
    for (uint64_t seed = 1; seed <= 50; ++seed) {
        CAPTURE(seed);
        Node node(1, kOptions, Disk::of_group(kThree), seed);
        node.tick(kOptions.election_ticks - 1);
        CHECK(node.core().state() == State::kFollower);
        node.tick(kOptions.election_ticks);
        CHECK(node.core().state() == State::kPreCandidate);
    }
}

TEST_CASE("raft: a pre-vote changes no term, and a majority leads to the vote", "[shard][raft]") {
    Node node = member_of_three(5);
    node.time_out();
    CHECK(node.core().state() == State::kPreCandidate);
    CHECK(node.core().term() == 5);
    REQUIRE(node.sent.size() == 2);
    CHECK(node.sent[0].term == 6);
    CHECK(node.said<VoteRequest>().front().pre);

    node.hear(2, 6, yes(true));
    CHECK(node.core().state() == State::kCandidate);
    CHECK(node.core().term() == 6);
    CHECK(node.disk.stored().hard_state == HardState{.term = 6, .vote = 1});
    const auto requests = node.said<VoteRequest>();
    REQUIRE(requests.size() == 2);
    CHECK_FALSE(requests[0].pre);

    node.hear(3, 6, yes(false));
    CHECK(node.core().state() == State::kLeader);
    CHECK(node.said<AppendRequest>().size() == 2);  // the no-op
}

TEST_CASE("raft: a majority of refusals ends a campaign", "[shard][raft]") {
    Node node = member_of_three(5);
    node.time_out();
    node.hear(2, 5, no(true));
    CHECK(node.core().state() == State::kPreCandidate);
    node.hear(3, 5, no(true));
    CHECK(node.core().state() == State::kFollower);
    CHECK(node.core().term() == 5);
}

TEST_CASE("raft: old pre-votes are no votes", "[shard][raft]") {
    Node node = member_of_three(5);
    node.time_out();
    node.hear(2, 6, yes(true));
    node.hear(3, 6, yes(true));
    CHECK(node.core().state() == State::kCandidate);
    node.hear(4, 6, yes(false));  // no member
    CHECK(node.core().state() == State::kCandidate);
}

TEST_CASE("raft: a term has one vote, which stays after a restart", "[shard][raft]") {
    Node node = member_of_three(5);
    const VoteRequest request{.last_index = 9, .last_term = 5};
    node.hear(2, 6, request);
    CHECK(node.said<VoteReply>(2).at(0).granted);
    node.hear(3, 6, request);
    CHECK_FALSE(node.said<VoteReply>(3).at(0).granted);
    node.restart();
    node.hear(3, 6, request);
    CHECK_FALSE(node.said<VoteReply>(3).at(0).granted);
    node.hear(2, 6, request);
    CHECK(node.said<VoteReply>(2).at(0).granted);
}

TEST_CASE("raft: only who has all that the voter has gets its vote", "[shard][raft]") {
    const auto check = [](Index last_index, Term last_term, bool granted) {
        CAPTURE(last_index, last_term);
        Node node = member_of_three(5, {entry(2, 3), entry(3, 4)});
        const VoteRequest request{.last_index = last_index, .last_term = last_term};
        VoteRequest pre = request;
        pre.pre = true;
        node.hear(2, 6, pre);
        CHECK(node.said<VoteReply>().at(0).granted == granted);
        node.hear(2, 6, request);
        CHECK(node.said<VoteReply>().at(0).granted == granted);
    };
    check(3, 4, true);
    check(4, 4, true);
    check(2, 4, false);
    check(9, 3, false);
    check(2, 5, true);
}

TEST_CASE("raft: a pre-vote is no promise", "[shard][raft]") {
    Node node = member_of_three(5);
    const VoteRequest pre{.pre = true, .last_index = 1, .last_term = 1};
    node.hear(2, 6, pre);
    node.hear(3, 6, pre);
    CHECK(node.core().term() == 5);
    CHECK(node.said<VoteReply>().size() == 2);
    CHECK(node.disk.stored().hard_state.term == 5);
    node.hear(2, 5, pre);  // would not be a new term
    CHECK_FALSE(node.said<VoteReply>().at(0).granted);
}

TEST_CASE("raft: who hears a leader votes for nobody else", "[shard][raft]") {
    Node node = member_of_three(5);
    node.hear(2, 5, Heartbeat{});
    node.said<HeartbeatReply>();
    node.tick(kOptions.election_ticks - 1);
    node.hear(3, 6, VoteRequest{.pre = true, .last_index = 9, .last_term = 5});
    node.hear(3, 6, VoteRequest{.last_index = 9, .last_term = 5});
    CHECK(node.sent.empty());
    CHECK(node.core().term() == 5);
    CHECK(node.core().leader() == 2);

    node.hear(3, 6, VoteRequest{.transfer = true, .last_index = 9, .last_term = 5});
    CHECK(node.said<VoteReply>(3).at(0).granted);

    node.hear(3, 6, Heartbeat{});
    node.said<HeartbeatReply>();
    node.tick(kOptions.election_ticks);
    node.hear(2, 7, VoteRequest{.last_index = 9, .last_term = 5});
    CHECK(node.said<VoteReply>(2).at(0).granted);
}

TEST_CASE("raft: a leader that hears no majority steps down", "[shard][raft]") {
    Node node = member_of_three();
    node.win({2});
    const Term term = node.core().term();
    for (uint32_t i = 0; i < 3; ++i) {
        node.tick(kOptions.election_ticks - 1);
        node.hear(3, term, HeartbeatReply{.round = 1, .last_index = 1});
        CHECK(node.core().state() == State::kLeader);
    }
    node.tick(kOptions.election_ticks);
    CHECK(node.core().state() == State::kFollower);
    CHECK(node.core().leader() == kNobody);
    CHECK(node.core().term() == term);
    CHECK(node.said<TimeoutNow>().empty());
}

TEST_CASE("raft: who was cut off comes back without an election", "[shard][raft]") {
    Group group(kThree);
    group.elect(1);
    const Term term = group[1].core().term();
    group.cut_off(3);
    group.tick(10 * kOptions.election_ticks);
    CHECK(group[3].core().term() == term);
    group.reconnect(3);
    group.tick(kOptions.election_ticks);
    CHECK(group[1].core().leads());
    CHECK(group[1].core().term() == term);
    CHECK(group[3].core().leader() == 1);
}

TEST_CASE("raft: who has a later term makes the leader go", "[shard][raft]") {
    Node node = member_of_three(9);
    node.hear(2, 4, AppendRequest{.prev_index = 1, .prev_term = 1, .entries = {entry(2, 4)}});
    REQUIRE(node.sent.size() == 1);
    CHECK(node.sent[0].term == 9);
    CHECK_FALSE(node.said<AppendReply>().at(0).accepted);
    CHECK(node.core().last_index() == 1);

    Node leader = member_of_three();
    leader.win({2});
    leader.hear(2, 9, AppendReply{});
    CHECK(leader.core().state() == State::kFollower);
    CHECK(leader.core().term() == 9);
}

TEST_CASE("raft: an answer of somebody unknown deposes nobody", "[shard][raft]") {
    Node leader = member_of_three();
    leader.win({2});
    leader.hear(8, 90, AppendReply{});
    leader.hear(8, 90, HeartbeatReply{});
    leader.hear(8, 90, VoteRequest{.last_index = 90, .last_term = 90});
    CHECK(leader.core().state() == State::kLeader);
    CHECK(leader.core().term() == 2);
}

TEST_CASE("raft: learners and strangers never campaign", "[shard][raft]") {
    Node learner(3, kOptions, Disk::of_group(group_of({1, 2}, {3})));
    learner.tick(5 * kOptions.election_ticks);
    CHECK(learner.core().state() == State::kFollower);
    CHECK(learner.sent.empty());
    Node stranger(9, kOptions, Disk::of_group(kThree));
    stranger.tick(5 * kOptions.election_ticks);
    CHECK(stranger.sent.empty());
    Node empty(9, kOptions, Disk());
    empty.tick(5 * kOptions.election_ticks);
    CHECK(empty.sent.empty());
    empty.hear(1, 4, Heartbeat{});
    CHECK(empty.core().leader() == 1);
    CHECK(empty.core().term() == 4);
}

TEST_CASE("raft: a dead leader is forgotten", "[shard][raft]") {
    Node learner(3, kOptions, Disk::of_group(group_of({1, 2}, {3})));
    learner.hear(1, 4, Heartbeat{});
    CHECK(learner.core().leader() == 1);
    learner.tick(2 * kOptions.election_ticks);
    CHECK(learner.core().leader() == kNobody);
}

TEST_CASE("raft: a term has one leader", "[shard][raft]") {
    Node node = member_of_three(5);
    node.hear(2, 6, Heartbeat{});
    node.hear(3, 6, AppendRequest{.prev_index = 1, .prev_term = 1, .entries = {entry(2, 6)}});
    CHECK(node.core().leader() == 2);
    CHECK(node.core().last_index() == 1);
    node.restart();
    node.win({2});
    const Term term = node.core().term();
    node.hear(3, term, Heartbeat{});
    CHECK(node.core().state() == State::kLeader);
}

TEST_CASE("raft: what is not for it, or of no sense, is passed over", "[shard][raft]") {
    Node node = member_of_three(5);
    const auto step = [&](MemberId from, MemberId to, Term term) {
        node.core().step({.from = from, .to = to, .term = term, .body = Heartbeat{}});
        CHECK_FALSE(node.core().has_output());
    };
    step(2, 3, 6);
    step(kNobody, 1, 6);
    step(1, 1, 6);
    step(2, 1, 0);
    step(2, 1, UINT64_MAX);
    CHECK(node.core().term() == 5);
}

}  // namespace raft_test

// What waits for the disk, and what does not: Raft 3.8, 10.2.1.
#include <catch2/catch.hpp>

#include "test/shard/raft/core_harness.h"

namespace raft_test {

namespace {

const Configuration kThree = group_of({1, 2, 3});
const CoreOptions kOptions;

Node slow_member(Term term = 1, const std::vector<Entry>& entries = {}) {
    Node node(1, kOptions, Disk::of_group(kThree, term, entries));
    node.slow_disk = true;
    return node;
}

}  // namespace

TEST_CASE("raft: a vote leaves once it is durable", "[shard][raft]") {
    Node node = slow_member();
    node.hear(2, 5, VoteRequest{.last_index = 1, .last_term = 1});
    CHECK(node.sent.empty());
    REQUIRE(node.waiting.size() == 1);
    CHECK(node.waiting[0].hard_state == HardState{.term = 5, .vote = 2});
    node.write();
    CHECK(node.said<VoteReply>(2).at(0).granted);
}

TEST_CASE("raft: a vote that was cut off was not given", "[shard][raft]") {
    Node node = slow_member();
    node.hear(2, 5, VoteRequest{.last_index = 1, .last_term = 1});
    node.restart();
    node.hear(3, 5, VoteRequest{.last_index = 1, .last_term = 1});
    node.write();
    CHECK(node.said<VoteReply>(3).at(0).granted);
    CHECK(node.said<VoteReply>(2).empty());
}

TEST_CASE("raft: a candidate asks for votes once its own, and the log it tells of, are durable",
          "[shard][raft]") {
    Node node = slow_member();
    node.hear(2, 1, AppendRequest{.prev_index = 1, .prev_term = 1, .entries = {entry(2, 1)}});
    node.time_out();
    CHECK(node.said<VoteRequest>(3).size() == 1);  // the pre-vote is no promise
    node.hear(3, 2, VoteReply{.pre = true, .granted = true});
    CHECK(node.core().state() == State::kCandidate);
    CHECK(node.said<VoteRequest>().size() == 1);  // the pre-vote to 2
    node.write(1);
    CHECK(node.disk.stored().entries.size() == 1);
    CHECK(node.said<VoteRequest>().empty());
    node.write(1);
    const auto requests = node.said<VoteRequest>();
    REQUIRE(requests.size() == 2);
    CHECK(requests[0].last_index == 2);
}

TEST_CASE("raft: a candidate's own vote counts once it is durable", "[shard][raft]") {
    Node node = slow_member();
    node.hear(2, 1, AppendRequest{.prev_index = 1, .prev_term = 1, .entries = {entry(2, 1)}});
    node.time_out();
    node.hear(3, 2, VoteReply{.pre = true, .granted = true});
    node.hear(3, 2, VoteReply{.pre = false, .granted = true});
    CHECK(node.core().state() == State::kCandidate);
    node.write(1);  // the entry, not yet the vote
    CHECK(node.core().state() == State::kCandidate);
    node.write(1);
    CHECK(node.core().state() == State::kLeader);
}

TEST_CASE("raft: entries are acknowledged in order, as they become durable", "[shard][raft]") {
    Node node = slow_member(2);
    node.hear(2, 2, AppendRequest{.prev_index = 1, .prev_term = 1, .entries = {entry(2, 2)}});
    node.hear(2, 2, AppendRequest{.prev_index = 2, .prev_term = 2, .entries = {entry(3, 2)}});
    REQUIRE(node.waiting.size() == 2);  // side by side
    CHECK(node.waiting[0].number + 1 == node.waiting[1].number);
    CHECK(node.said<AppendReply>().empty());
    node.write(1);
    CHECK(node.said<AppendReply>().at(0).index == 2);
    node.write(1);
    CHECK(node.said<AppendReply>().at(0).index == 3);
}

TEST_CASE("raft: what is already there is acknowledged when it is durable", "[shard][raft]") {
    Node node = slow_member(2);
    const AppendRequest request{.prev_index = 1, .prev_term = 1, .entries = {entry(2, 2)}};
    node.hear(2, 2, request);
    node.hear(2, 2, request);
    CHECK(node.waiting.size() == 1);
    CHECK(node.said<AppendReply>().empty());
    node.write();
    CHECK(node.said<AppendReply>().size() == 2);
}

TEST_CASE("raft: heartbeats do not wait for entries", "[shard][raft]") {
    Node node = slow_member(2);
    node.hear(2, 2, AppendRequest{.prev_index = 1, .prev_term = 1, .entries = {entry(2, 2)}});
    node.hear(2, 2, Heartbeat{.round = 4});
    const auto replies = node.said<HeartbeatReply>(2);
    REQUIRE(replies.size() == 1);
    CHECK(replies[0].last_index == 2);  // durable or not

    Node leader(1, kOptions, Disk::of_group(kThree));
    leader.win({2});
    leader.slow_disk = true;
    REQUIRE(leader.core().propose("a"));
    leader.sent.clear();
    leader.tick(kOptions.heartbeat_ticks);
    CHECK(leader.said<Heartbeat>().size() == 2);
}

TEST_CASE("raft: heartbeats wait for a new term", "[shard][raft]") {
    Node node = slow_member(2);
    node.hear(2, 3, Heartbeat{.round = 4});
    CHECK(node.sent.empty());
    node.write();
    CHECK(node.said<HeartbeatReply>(2).size() == 1);
}

TEST_CASE("raft: entries that were replaced on the way count for nothing", "[shard][raft]") {
    Node node = slow_member(2);
    node.hear(
        2,
        2,
        AppendRequest{.prev_index = 1, .prev_term = 1, .entries = {entry(2, 2), entry(3, 2)}});
    node.hear(
        3,
        3,
        AppendRequest{.prev_index = 2, .prev_term = 2, .entries = {entry(3, 3)}, .commit = 3});
    REQUIRE(node.waiting.size() == 2);
    CHECK(node.core().commit_index() == 3);
    node.write(1);
    CHECK(node.sent.empty());  // the old leader is told nothing any more
    REQUIRE(node.committed.size() == 1);
    CHECK(node.committed[0].index == 2);
    node.write(1);
    CHECK(node.said<AppendReply>(3).at(0).index == 3);
    REQUIRE(node.committed.size() == 2);
    CHECK(node.committed[1].term == 3);
}

TEST_CASE("raft: what gathers behind many batches goes out as one", "[shard][raft]") {
    Node node = slow_member(2);
    for (Index index = 2; index < 60; ++index) {
        node.hear(2,
                  2,
                  AppendRequest{.prev_index = index - 1,
                                .prev_term = index == 2 ? Term{1} : Term{2},
                                .entries = {entry(index, 2)}});
    }
    const size_t under_way = node.waiting.size();
    CHECK(under_way < 40);
    node.write(1);
    CHECK(node.waiting.size() == under_way);
    CHECK(node.waiting.back().entries.size() > 20);
    node.write();
    CHECK(node.said<AppendReply>().back().index == 59);
    CHECK(node.disk.stored().entries.size() == 58);
}

TEST_CASE("raft: a leader whose disk is late lets others lead", "[shard][raft]") {
    Node leader(1, kOptions, Disk::of_group(kThree));
    leader.win({2});
    const Term term = leader.core().term();
    leader.slow_disk = true;
    REQUIRE(leader.core().propose("a"));
    leader.work();
    for (uint32_t i = 0; i <= kOptions.disk_ticks_max; ++i) {
        CHECK(leader.core().state() == State::kLeader);
        leader.tick();
        leader.hear(2, term, HeartbeatReply{.last_index = 3});
        leader.hear(2, term, AppendReply{.accepted = true, .index = 2});
    }
    CHECK(leader.core().state() == State::kFollower);
    CHECK(leader.said<TimeoutNow>(2).size() == 1);
    leader.sent.clear();
    leader.tick(5 * kOptions.election_ticks);
    CHECK(leader.core().state() == State::kFollower);  // nor does it campaign
    CHECK(leader.sent.empty());
    leader.write();
    leader.tick(3 * kOptions.election_ticks);
    CHECK(leader.core().state() != State::kFollower);
}

TEST_CASE("raft: a group is founded with a snapshot at index 1", "[shard][raft]") {
    const Persist batch = Core::found(kThree, std::make_shared<const std::string>("a\n"));
    CHECK(batch.hard_state == HardState{.term = 1, .vote = kNobody});
    REQUIRE(batch.snapshot);
    CHECK(batch.snapshot->meta.index == 1);
    CHECK(batch.snapshot->meta.size == 2);
    CHECK(batch.snapshot->log_begin == 2);
    Disk disk;
    disk.write(batch);
    Node node(1, kOptions, disk);
    CHECK(node.core().commit_index() == 1);
    CHECK(node.core().applied_index() == 1);
    CHECK(node.core().configuration() == kThree);
    CHECK(node.machine == std::vector<std::string>{"a"});
}

}  // namespace raft_test

// Appending entries, and finding where logs part: Raft 3.5, 10.2.1.
#include <catch2/catch.hpp>

#include "test/shard/raft/core_harness.h"

namespace raft_test {

namespace {

const Configuration kThree = group_of({1, 2, 3});
const CoreOptions kOptions;

Node follower(Term term, const std::vector<Entry>& entries = {}) {
    return {1, kOptions, Disk::of_group(kThree, term, entries)};
}

AppendReply append(Node& node, Term term, AppendRequest request) {
    node.hear(2, term, std::move(request));
    const auto replies = node.said<AppendReply>(2);
    REQUIRE(replies.size() == 1);
    return replies[0];
}

// Leader of term 2 with its no-op at 2, which is on all members.
Node leader_of_three(const CoreOptions& options = kOptions) {
    Node node(1, options, Disk::of_group(kThree));
    node.win({2});
    for (const MemberId other : {2, 3}) {
        node.hear(other, 2, AppendReply{.accepted = true, .index = 2});
    }
    node.sent.clear();
    return node;
}

void propose(Node& node, const std::string& command) {
    REQUIRE(node.core().propose(command));
    node.work();
}

std::vector<Term> terms(const Core& core) {
    std::vector<Term> out;
    for (const Entry& entry : core.entries()) {
        out.push_back(entry.term);
    }
    return out;
}

}  // namespace

TEST_CASE("raft: a follower takes what follows its log", "[shard][raft]") {
    Node node = follower(2);
    auto reply =
        append(node, 2, {.prev_index = 1, .prev_term = 1, .entries = {entry(2, 2), entry(3, 2)}});
    CHECK(reply.accepted);
    CHECK(reply.index == 3);
    CHECK(node.core().commit_index() == 1);
    reply = append(node, 2, {.prev_index = 3, .prev_term = 2, .commit = 2});
    CHECK(reply.accepted);
    CHECK(reply.index == 3);
    CHECK(node.core().commit_index() == 2);
}

TEST_CASE("raft: a reply says what the request showed, and not more", "[shard][raft]") {
    // The tail from another leader may be longer than what this leader has sent.
    Node node = follower(4, {entry(2, 2), entry(3, 2), entry(4, 2)});
    auto reply = append(node, 5, {.prev_index = 1, .prev_term = 1, .commit = 9});
    CHECK(reply.accepted);
    CHECK(reply.index == 1);
    CHECK(node.core().commit_index() == 1);
    reply =
        append(node, 5, {.prev_index = 1, .prev_term = 1, .entries = {entry(2, 2)}, .commit = 9});
    CHECK(reply.index == 2);
    CHECK(node.core().commit_index() == 2);
    CHECK(node.core().last_index() == 4);  // an old request shortens nothing
}

TEST_CASE("raft: what differs is replaced, from there on", "[shard][raft]") {
    Node node = follower(4, {entry(2, 2), entry(3, 2), entry(4, 2)});
    const auto reply =
        append(node, 5, {.prev_index = 1, .prev_term = 1, .entries = {entry(2, 2), entry(3, 5)}});
    CHECK(reply.index == 3);
    CHECK(terms(node.core()) == std::vector<Term>{2, 5});
    CHECK(node.disk.stored().entries.size() == 2);
    node.restart();
    CHECK(terms(node.core()) == std::vector<Term>{2, 5});
}

TEST_CASE("raft: old and doubled requests change nothing", "[shard][raft]") {
    Node node = follower(2);
    const AppendRequest first{.prev_index = 1, .prev_term = 1, .entries = {entry(2, 2)}};
    const AppendRequest second{
        .prev_index = 2, .prev_term = 2, .entries = {entry(3, 2)}, .commit = 2};
    CHECK_FALSE(append(node, 2, second).accepted);  // too early
    CHECK(append(node, 2, first).index == 2);
    CHECK(append(node, 2, second).index == 3);
    CHECK(append(node, 2, first).index == 2);
    CHECK(append(node, 2, second).index == 3);
    CHECK(node.core().last_index() == 3);
    CHECK(node.core().commit_index() == 2);
}

TEST_CASE("raft: a refusal passes over terms that the leader cannot have", "[shard][raft]") {
    const auto check = [](Index prev, Term prev_term, Index hint, Term hint_term) {
        CAPTURE(prev, prev_term);
        Node node = follower(6, {entry(2, 2), entry(3, 4), entry(4, 4), entry(5, 5), entry(6, 5)});
        const auto reply = append(node, 7, {.prev_index = prev, .prev_term = prev_term});
        CHECK_FALSE(reply.accepted);
        CHECK(reply.index == prev);
        CHECK(reply.hint_index == hint);
        CHECK(reply.hint_term == hint_term);
    };
    check(20, 6, 6, 5);  // short
    check(20, 4, 4, 4);
    check(6, 4, 4, 4);
    check(6, 3, 2, 2);
    check(5, 2, 2, 2);
    check(4, 1, 1, 1);
}

TEST_CASE("raft: a leader follows the hint, term by term", "[shard][raft]") {
    // As in figure 3.6: both skip terms that the other has not.
    Node leader(
        1,
        kOptions,
        Disk::of_group(
            kThree,
            7,
            {entry(2, 1), entry(3, 4), entry(4, 4), entry(5, 5), entry(6, 5), entry(7, 6)}));
    leader.win({3});
    const auto first = leader.said<AppendRequest>(2).at(0);
    CHECK(first.prev_index == 7);
    // The follower has 1 2 2 3 3 3 3: its last that may be the leader's is of term 3.
    leader.hear(2, 8, AppendReply{.index = 7, .hint_index = 7, .hint_term = 3});
    const auto second = leader.said<AppendRequest>(2).at(0);
    CHECK(second.prev_index == 2);
    CHECK(second.prev_term == 1);
    CHECK(second.entries.size() == 6);
}

TEST_CASE("raft: logs that parted become one", "[shard][raft]") {
    Group group(kThree);
    group.elect(1);
    group.cut_off(1);
    for (int i = 0; i < 5; ++i) {
        REQUIRE(group[1].core().propose("lost"));
        group.settle();
    }
    group.elect(2);
    group.cut_off(2);
    for (int i = 0; i < 3; ++i) {
        REQUIRE(group[2].core().propose("lost, too"));
        group.settle();
    }
    group.reconnect(1);
    group.elect(3);
    REQUIRE(group[3].core().propose("kept"));
    group.settle();
    group.reconnect(2);
    group.tick(2 * kOptions.election_ticks);
    for (const MemberId id : {1, 2, 3}) {
        CAPTURE(id);
        CHECK(terms(group[id].core()) == terms(group[1].core()));
        CHECK(group[id].machine == std::vector<std::string>{"kept"});
    }
}

TEST_CASE("raft: requests follow each other, within limits", "[shard][raft]") {
    CoreOptions options;
    options.in_flight_appends_max = 2;
    Node leader = leader_of_three(options);
    for (const char* const command : {"a", "b", "c", "d"}) {
        propose(leader, command);
    }
    auto requests = leader.said<AppendRequest>(2);
    REQUIRE(requests.size() == 2);
    CHECK(requests[1].prev_index == 3);
    leader.hear(2, 2, AppendReply{.accepted = true, .index = 3});
    requests = leader.said<AppendRequest>(2);
    REQUIRE(requests.size() == 1);
    CHECK(requests[0].entries.size() == 2);  // what has gathered meanwhile
}

TEST_CASE("raft: a request has its bytes, and one large entry goes alone", "[shard][raft]") {
    CoreOptions options;
    options.in_flight_bytes_max = size_t{1} << 20;
    Node leader = leader_of_three(options);
    const std::string third(kAppendBytesMax / 3, 'x');
    for (int i = 0; i < 4; ++i) {
        REQUIRE(leader.core().propose(third));
    }
    REQUIRE(leader.core().propose(std::string(kCommandBytesMax, 'y')));
    REQUIRE(leader.core().propose("z"));
    leader.work();
    const auto requests = leader.said<AppendRequest>(2);
    REQUIRE(requests.size() == 3);
    CHECK(requests[0].entries.size() == 2);
    CHECK(requests[1].entries.size() == 2);
    CHECK(requests[2].entries.size() == 1);  // and now as much as may be is under way
    leader.hear(2, 2, AppendReply{.accepted = true, .index = 7});
    CHECK(leader.said<AppendRequest>(2).size() == 1);
}

TEST_CASE("raft: a member that does not answer is sent one request", "[shard][raft]") {
    Node leader(1, kOptions, Disk::of_group(kThree));
    leader.win({3});
    CHECK(leader.said<AppendRequest>(2).size() == 1);
    propose(leader, "a");
    propose(leader, "b");
    CHECK(leader.said<AppendRequest>(2).empty());
    leader.hear(2, 2, AppendReply{.accepted = true, .index = 2});
    CHECK(leader.said<AppendRequest>(2).at(0).entries.size() == 2);
}

TEST_CASE("raft: an unreachable member is tried again after a heartbeat", "[shard][raft]") {
    Node leader = leader_of_three();
    propose(leader, "a");
    leader.said<AppendRequest>();
    leader.core().unreachable(2);
    leader.core().unreachable(77);
    propose(leader, "b");
    CHECK(leader.said<AppendRequest>(2).empty());
    leader.tick(kOptions.heartbeat_ticks);
    const auto beat = leader.said<Heartbeat>(2).back();
    leader.hear(2, 2, HeartbeatReply{.round = beat.round, .last_index = 2});
    const auto again = leader.said<AppendRequest>(2);
    REQUIRE(again.size() == 1);
    CHECK(again[0].prev_index == 2);
    CHECK(again[0].entries.size() == 2);
}

TEST_CASE("raft: a lost request is sent again when a later heartbeat is answered",
          "[shard][raft]") {
    Node leader = leader_of_three();
    propose(leader, "a");
    propose(leader, "b");
    leader.said<AppendRequest>();
    const HeartbeatReply same_time{.round = 0, .last_index = 2};
    leader.hear(2, 2, same_time);
    CHECK(leader.said<AppendRequest>(2).empty());  // they may be on their way
    leader.tick(kOptions.heartbeat_ticks);
    leader.hear(2, 2, HeartbeatReply{.round = 1, .last_index = 3});
    const auto again = leader.said<AppendRequest>(2);
    REQUIRE(again.size() == 1);
    CHECK(again[0].prev_index == 3);
    CHECK(again[0].entries.size() == 1);
}

TEST_CASE("raft: a lost reply is asked for, however much is under way", "[shard][raft]") {
    CoreOptions options;
    options.in_flight_appends_max = 1;
    Node leader = leader_of_three(options);
    propose(leader, "a");
    propose(leader, "b");
    CHECK(leader.said<AppendRequest>(2).size() == 1);
    leader.tick(options.heartbeat_ticks);
    leader.hear(2, 2, HeartbeatReply{.round = 1, .last_index = 3});
    const auto asked = leader.said<AppendRequest>(2);
    REQUIRE(asked.size() == 1);
    CHECK(asked[0].prev_index == 3);
    CHECK(asked[0].entries.empty());
    leader.hear(2, 2, AppendReply{.accepted = true, .index = 3});
    CHECK(leader.said<AppendRequest>(2).at(0).entries.size() == 1);
}

TEST_CASE("raft: whatever single message is lost, all catch up", "[shard][raft]") {
    for (int lost = 0; lost < 60; ++lost) {
        CAPTURE(lost);
        Group group(kThree);
        group.elect(1);
        int count = 0;
        group.lose = [&](const Message&) { return count++ == lost; };
        for (const char* const command : {"a", "b", "c"}) {
            REQUIRE(group[1].core().propose(command));
            group.settle();
        }
        group.tick(3 * kOptions.heartbeat_ticks);
        CHECK(group[1].machine.size() == 3);
        CHECK(group[2].machine == group[1].machine);
        CHECK(group[3].machine == group[1].machine);
    }
}

TEST_CASE("raft: old answers move nothing back", "[shard][raft]") {
    Node leader = leader_of_three();
    propose(leader, "a");
    leader.hear(2, 2, AppendReply{.accepted = true, .index = 3});
    leader.sent.clear();
    leader.hear(2, 2, AppendReply{.accepted = true, .index = 2});
    leader.hear(2, 2, AppendReply{.accepted = false, .index = 2, .hint_index = 1, .hint_term = 1});
    leader.hear(2, 1, AppendReply{.accepted = false, .index = 3});
    leader.hear(2, 2, AppendReply{.accepted = true, .index = 99});
    leader.hear(2, 2, HeartbeatReply{.round = 99, .last_index = 0});
    CHECK(leader.said<AppendRequest>(2).empty());
    CHECK(leader.core().progress().at(0).match == 3);
    CHECK(leader.core().commit_index() == 3);
}

TEST_CASE("raft: requests of no sense are passed over", "[shard][raft]") {
    const auto check = [](AppendRequest request) {
        Node node = follower(4, {entry(2, 2), entry(3, 2)});
        node.hear(2, 5, Heartbeat{.commit = 2});
        node.sent.clear();
        node.hear(2, 5, std::move(request));
        CHECK(node.sent.empty());
        CHECK(terms(node.core()) == std::vector<Term>{2, 2});
        CHECK(node.core().commit_index() == 2);
    };
    check({.prev_index = 3, .prev_term = 2, .entries = {entry(5, 5)}});               // a gap
    check({.prev_index = 3, .prev_term = 2, .entries = {entry(3, 5)}});               // back
    check({.prev_index = 3, .prev_term = 2, .entries = {entry(4, 5), entry(6, 5)}});  // a hole
    check({.prev_index = 3, .prev_term = 2, .entries = {entry(4, 5), entry(5, 4)}});  // terms fall
    check({.prev_index = 3, .prev_term = 2, .entries = {entry(4, 6)}});  // of the future
    check({.prev_index = 3, .prev_term = 0});
    check({.prev_index = 0, .prev_term = 2});
    check({.prev_index = UINT64_MAX, .prev_term = 2, .entries = {entry(0, 2)}});
    check({.prev_index = 1, .prev_term = 1, .entries = {entry(2, 3)}});  // against the committed
    Entry null = entry(4, 5);
    null.data = nullptr;
    check({.prev_index = 3, .prev_term = 2, .entries = {null}});
    Entry unknown = entry(4, 5);
    unknown.kind = static_cast<EntryKind>(9);
    check({.prev_index = 3, .prev_term = 2, .entries = {unknown}});
    Entry nonsense = entry(4, 5, "no configuration");
    nonsense.kind = EntryKind::kConfiguration;
    check({.prev_index = 3, .prev_term = 2, .entries = {nonsense}});
    check({.prev_index = 3, .prev_term = 2, .entries = {entry(4, 5, Configuration{})}});
    check({.prev_index = 3,
           .prev_term = 2,
           .entries = {entry(4, 5, std::string(kAppendBytesMax, 'x')), entry(5, 5)}});
    check({.prev_index = 3,
           .prev_term = 2,
           .entries = {entry(4, 5, std::string(kCommandBytesMax + 1, 'x'))}});
}

TEST_CASE("raft: heartbeats say that the leader is there, and what is committed", "[shard][raft]") {
    Node node = follower(2, {entry(2, 2), entry(3, 2)});
    node.hear(2, 2, Heartbeat{.commit = 2, .round = 7});
    const auto reply = node.said<HeartbeatReply>().at(0);
    CHECK(reply.round == 7);
    CHECK(reply.last_index == 3);
    CHECK(node.core().commit_index() == 2);
    node.hear(2, 2, Heartbeat{.commit = 1, .round = 6});
    CHECK(node.core().commit_index() == 2);
    node.hear(2, 2, Heartbeat{.commit = 99, .round = 8});
    CHECK(node.core().commit_index() == 3);

    Node leader = leader_of_three();
    propose(leader, "a");
    leader.hear(2, 2, AppendReply{.accepted = true, .index = 3});
    leader.sent.clear();
    leader.tick(kOptions.heartbeat_ticks);
    CHECK(leader.said<Heartbeat>(2).at(0).commit == 3);
    CHECK(leader.said<Heartbeat>(3).at(0).commit == 2);  // not known to have more
}

}  // namespace raft_test

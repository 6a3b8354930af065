// Snapshots: Raft 5.
#include <catch2/catch.hpp>

#include "base/checksum.h"
#include "test/shard/raft/core_harness.h"

namespace raft_test {

namespace {

const Configuration kThree = group_of({1, 2, 3});
const CoreOptions kOptions;

SnapshotMeta meta_of(Index index, Term term, const std::string& bytes) {
    return {.index = index,
            .term = term,
            .configuration = kThree,
            .size = bytes.size(),
            .crc = base::crc32c(bytes)};
}

SnapshotChunk part_of(const SnapshotMeta& meta,
                      const std::string& bytes,
                      uint64_t offset,
                      size_t count) {
    return {.meta = meta, .offset = offset, .data = bytes.substr(offset, count)};
}

void commit(Group& group, MemberId leader, int commands) {
    for (int i = 0; i < commands; ++i) {
        REQUIRE(group[leader].core().propose("c" + std::to_string(i)));
        group.settle();
    }
}

Node follower(const std::vector<Entry>& entries = {}) {
    return {1, kOptions, Disk::of_group(kThree, 4, entries)};
}

SnapshotReply only_reply(Node& node) {
    const auto replies = node.said<SnapshotReply>();
    REQUIRE(replies.size() == 1);
    return replies[0];
}

}  // namespace

TEST_CASE("raft: the log forgets what a snapshot has, but for some that stay", "[shard][raft]") {
    Group group(kThree);
    group.elect(1);
    commit(group, 1, 8);
    Node& node = group[1];
    REQUIRE(node.core().last_index() == 10);
    node.slow_disk = true;
    node.compact(3);
    CHECK(node.core().log_begin() == 2);  // not before it is durable
    node.write();
    CHECK(node.core().log_begin() == 8);
    CHECK(node.core().term_at(7) == 2);
    CHECK(node.core().term_at(6) == 0);
    CHECK(node.disk.stored().snapshot->index == 10);
    CHECK(node.disk.stored().log_begin == 8);
    node.slow_disk = false;
    node.restart();
    CHECK(node.core().commit_index() == 10);
    CHECK(node.core().log_begin() == 8);
    CHECK(node.machine.size() == 8);
    CHECK(node.core().log_bytes() == 3 * (Entry::kOverhead + 2));
}

TEST_CASE("raft: a snapshot has the configuration of its index", "[shard][raft]") {
    Node node(1, kOptions, Disk::of_group(kThree, 2));
    const Configuration four = group_of({1, 2, 3}, {4});
    node.hear(2,
              2,
              AppendRequest{.prev_index = 1,
                            .prev_term = 1,
                            .entries = {entry(2, 2), entry(3, 2, four)},
                            .commit = 2});
    node.compact(0);
    CHECK(node.disk.stored().snapshot->index == 2);
    CHECK(node.disk.stored().snapshot->configuration == kThree);  // four is not committed
    CHECK(node.core().configuration() == four);
    node.hear(2, 2, Heartbeat{.commit = 3});
    node.compact(0);
    CHECK(node.disk.stored().snapshot->configuration == four);
}

TEST_CASE("raft: who is too far behind gets a snapshot, and then the log", "[shard][raft]") {
    Group group(kThree);
    group.part_bytes = 5;
    group.elect(1);
    group.cut_off(3);
    commit(group, 1, 8);
    group[1].compact(2);
    REQUIRE(group[1].core().propose("after"));
    group.settle();
    group.reconnect(3);
    group.tick(2 * kOptions.heartbeat_ticks);
    CHECK(group[3].restored.size() == 1);
    CHECK(group[3].machine == group[1].machine);
    CHECK(group[3].core().log_begin() == 11);
    CHECK(group[3].core().commit_index() == 11);
    CHECK(group[1].core().progress().at(1).match == 11);
    CHECK_FALSE(group[1].core().progress().at(1).snapshot);
}

TEST_CASE("raft: a member with an empty disk is brought in by a snapshot", "[shard][raft]") {
    Group group(group_of({1}));
    group.join(2);
    commit(group, 1, 3);
    REQUIRE(group[1].core().change(group_of({1}, {2})));
    group.settle();
    group.tick(2 * kOptions.heartbeat_ticks);
    CHECK(group[2].restored.size() == 1);
    CHECK(group[2].machine == group[1].machine);
    CHECK(group[2].core().configuration() == group_of({1}, {2}));
}

TEST_CASE("raft: parts are asked for one after another, once durable", "[shard][raft]") {
    Node node = follower();
    node.slow_disk = true;
    const std::string bytes = "a\nb\nc\n";
    const SnapshotMeta meta = meta_of(9, 3, bytes);
    node.hear(2, 4, part_of(meta, bytes, 0, 2));
    CHECK(node.sent.empty());
    node.write();
    CHECK(only_reply(node).next_offset == 2);
    node.hear(2, 4, part_of(meta, bytes, 0, 2));  // doubled
    CHECK(only_reply(node).next_offset == 2);
    node.hear(2, 4, part_of(meta, bytes, 4, 2));  // too early
    CHECK(only_reply(node).next_offset == 2);
    node.hear(2, 4, part_of(meta, bytes, 2, 4));
    REQUIRE(node.waiting.size() == 1);
    CHECK(node.waiting[0].install);
    CHECK(node.sent.empty());
    CHECK(node.core().commit_index() == 1);
    CHECK(node.restored.empty());
    node.write();
    CHECK(only_reply(node).next_offset == bytes.size());
    CHECK(node.restored == std::vector<SnapshotMeta>{meta});
    CHECK(node.machine == std::vector<std::string>{"a", "b", "c"});
    CHECK(node.core().commit_index() == 9);
    CHECK(node.core().applied_index() == 9);
    CHECK(node.core().last_index() == 9);
    CHECK(node.core().log_begin() == 10);
    CHECK(node.core().term_at(9) == 3);
    CHECK(node.core().configuration_index() == 9);
}

TEST_CASE("raft: a snapshot goes on after a restart and with another leader", "[shard][raft]") {
    Node node = follower();
    const std::string bytes = "a\nb\nc\n";
    const SnapshotMeta meta = meta_of(9, 3, bytes);
    node.hear(2, 4, part_of(meta, bytes, 0, 4));
    node.restart();
    node.hear(3, 5, part_of(meta, bytes, 0, 4));
    CHECK(only_reply(node).next_offset == 4);
    node.hear(3, 5, part_of(meta, bytes, 4, 2));
    CHECK(only_reply(node).next_offset == 6);
    CHECK(node.restored.size() == 1);
}

TEST_CASE("raft: another snapshot begins anew", "[shard][raft]") {
    Node node = follower();
    const std::string bytes = "a\nb\nc\n";
    node.hear(2, 4, part_of(meta_of(9, 3, bytes), bytes, 0, 4));
    CHECK(only_reply(node).next_offset == 4);
    const SnapshotMeta newer = meta_of(12, 3, "longer" + bytes);
    node.hear(2, 4, part_of(newer, "longer" + bytes, 4, 4));
    const auto reply = only_reply(node);
    CHECK(reply.index == 12);
    CHECK(reply.next_offset == 0);
    node.hear(2, 4, part_of(meta_of(9, 3, bytes), bytes, 4, 2));  // overtaken
    CHECK(node.sent.empty());
    node.hear(2, 4, part_of(newer, "longer" + bytes, 0, 12));
    CHECK(only_reply(node).next_offset == 12);
    CHECK(node.core().commit_index() == 12);
}

TEST_CASE("raft: an old snapshot is answered as installed", "[shard][raft]") {
    Node node = follower({entry(2, 3), entry(3, 3)});
    const std::string bytes = "a\nb\nc\n";
    node.hear(2, 4, Heartbeat{.commit = 3});
    node.sent.clear();
    node.hear(2, 4, part_of(meta_of(2, 3, bytes), bytes, 0, 2));
    const auto reply = only_reply(node);
    CHECK(reply.index == 2);
    CHECK(reply.next_offset == bytes.size());
    CHECK(node.core().log_begin() == 2);
    CHECK(node.restored.empty());
}

TEST_CASE("raft: a snapshot of what the log has takes nothing from it", "[shard][raft]") {
    // Entries behind it may have been acknowledged.
    Node node = follower({entry(2, 3), entry(3, 3), entry(4, 4)});
    const std::string bytes = "a\nb\nc\n";
    node.hear(2, 4, part_of(meta_of(3, 3, bytes), bytes, 0, 2));
    CHECK(only_reply(node).next_offset == bytes.size());
    CHECK(node.core().last_index() == 4);
    CHECK(node.core().commit_index() == 3);
    CHECK(node.restored.empty());
}

TEST_CASE("raft: a snapshot replaces a log that parted", "[shard][raft]") {
    Node node = follower({entry(2, 2), entry(3, 2), entry(4, 2), entry(5, 2, group_of({1, 2}))});
    CHECK(node.core().configuration() == group_of({1, 2}));
    const std::string bytes = "a\n";
    node.hear(2, 4, part_of(meta_of(3, 3, bytes), bytes, 0, 2));
    CHECK(only_reply(node).next_offset == bytes.size());
    CHECK(node.core().last_index() == 3);
    CHECK(node.core().configuration() == kThree);
    CHECK(node.disk.stored().entries.empty());
}

TEST_CASE("raft: while a snapshot is installed, the log stands still", "[shard][raft]") {
    Node node = follower();
    node.slow_disk = true;
    const std::string bytes = "a\n";
    const SnapshotMeta meta = meta_of(9, 3, bytes);
    node.hear(2, 4, AppendRequest{.prev_index = 1, .prev_term = 1, .entries = {entry(2, 2)}});
    node.hear(2, 4, part_of(meta, bytes, 0, 2));
    node.hear(2, 4, AppendRequest{.prev_index = 1, .prev_term = 1, .entries = {entry(2, 4)}});
    node.hear(2, 4, part_of(meta, bytes, 0, 2));
    node.hear(2, 4, Heartbeat{.commit = 2});
    CHECK(node.core().commit_index() == 1);
    CHECK(node.said<SnapshotReply>().empty());
    CHECK(node.said<HeartbeatReply>().size() == 1);
    node.hear(2, 4, TimeoutNow{});
    CHECK(node.core().state() == State::kFollower);
    node.tick(3 * kOptions.election_ticks);
    CHECK(node.core().state() == State::kFollower);
    node.write();
    CHECK(node.restored.size() == 1);
    CHECK(node.core().last_index() == 9);
}

TEST_CASE("raft: entries go to the disk before a snapshot that replaces them", "[shard][raft]") {
    Node node = follower();
    const std::string bytes = "a\n";
    // No output is taken in between.
    node.core().step(
        {.from = 2,
         .to = 1,
         .term = 4,
         .body = AppendRequest{.prev_index = 1, .prev_term = 1, .entries = {entry(2, 2)}}});
    node.core().step(
        {.from = 2, .to = 1, .term = 4, .body = part_of(meta_of(9, 3, bytes), bytes, 0, 2)});
    const Output first = node.core().output();
    REQUIRE(first.persist);
    CHECK(first.persist->entries.size() == 1);
    CHECK_FALSE(first.persist->install);
    REQUIRE(node.core().has_output());
    const Output second = node.core().output();
    REQUIRE(second.persist);
    CHECK(second.persist->install);
    CHECK(second.persist->received);
    CHECK(second.persist->entries.empty());
}

TEST_CASE("raft: parts of no sense are passed over", "[shard][raft]") {
    const std::string bytes = "a\nb\nc\n";
    const SnapshotMeta good = meta_of(9, 3, bytes);
    const auto check = [&](const SnapshotMeta& meta, uint64_t offset, const std::string& data) {
        Node node = follower();
        node.hear(2, 4, SnapshotChunk{.meta = meta, .offset = offset, .data = data});
        CHECK(node.sent.empty());
        CHECK(node.core().commit_index() == 1);
    };
    const auto spoilt = [&](auto change) {
        SnapshotMeta meta = good;
        change(meta);
        return meta;
    };
    check(good, 0, "");
    check(good, 7, "x");
    check(good, 5, "xx");
    check(good, UINT64_MAX, "xx");
    check(spoilt([](SnapshotMeta& meta) { meta.index = 0; }), 0, bytes);
    check(spoilt([](SnapshotMeta& meta) { meta.index = UINT64_MAX; }), 0, bytes);
    check(spoilt([](SnapshotMeta& meta) { meta.term = 5; }), 0, bytes);
    check(spoilt([](SnapshotMeta& meta) { meta.term = 0; }), 0, bytes);
    check(spoilt([](SnapshotMeta& meta) { meta.configuration = {}; }), 0, bytes);
    check(spoilt([](SnapshotMeta& meta) { meta.size = kSnapshotBytesMax + 1; }), 0, bytes);
    check(spoilt([](SnapshotMeta& meta) { meta.size = kSnapshotBytesMax; }),
          0,
          std::string(kSnapshotChunkBytesMax + 1, 'x'));
}

TEST_CASE("raft: an empty snapshot is one, too", "[shard][raft]") {
    Node node = follower();
    node.hear(2, 4, SnapshotChunk{.meta = meta_of(9, 3, ""), .offset = 0, .data = ""});
    CHECK(only_reply(node).next_offset == 0);
    CHECK(node.core().commit_index() == 9);
}

TEST_CASE("raft: a leader sends parts as they are asked for, and again in silence",
          "[shard][raft]") {
    Group group(kThree);
    group.elect(1);
    group.cut_off(3);
    commit(group, 1, 8);
    Node& leader = group[1];
    leader.compact(0);
    const Term term = leader.core().term();
    leader.tick(kOptions.heartbeat_ticks);
    const uint64_t round = leader.said<Heartbeat>(3).back().round;
    leader.hear(3, term, HeartbeatReply{.round = round, .last_index = 2});
    REQUIRE(leader.snapshots.size() == 1);
    const SnapshotMeta meta = leader.snapshots[0].meta;
    CHECK(leader.snapshots[0].offset == 0);
    CHECK(leader.snapshots[0].to == 3);
    const auto reply = [&](Index index, uint64_t next) {
        leader.snapshots.clear();
        leader.hear(3, term, SnapshotReply{.index = index, .next_offset = next});
    };
    reply(10, 6);
    REQUIRE(leader.snapshots.size() == 1);
    CHECK(leader.snapshots[0].offset == 6);
    reply(10, 6);  // doubled
    CHECK(leader.snapshots.empty());
    reply(9, 12);  // of another one
    CHECK(leader.snapshots.empty());
    reply(10, meta.size + 1);
    CHECK(leader.snapshots.empty());
    for (int i = 0; i < 20; ++i) {
        leader.tick();
        leader.hear(2, term, HeartbeatReply{.round = round, .last_index = 10});
    }
    REQUIRE(leader.snapshots.size() == 1);
    CHECK(leader.snapshots[0].offset == 6);
    CHECK(leader.core().progress().at(1).snapshot);
    reply(10, meta.size);
    CHECK_FALSE(leader.core().progress().at(1).snapshot);
    CHECK(leader.core().progress().at(1).match == 10);
}

TEST_CASE("raft: a leader's newer snapshot is sent instead", "[shard][raft]") {
    Group group(kThree);
    group.elect(1);
    group.cut_off(3);
    commit(group, 1, 8);
    Node& leader = group[1];
    leader.compact(0);
    group.reconnect(3);
    group.part_bytes = 5;
    group.lose = [&](const Message& message) {
        const auto* part = std::get_if<SnapshotChunk>(&message.body);
        return part != nullptr && part->offset >= 10 && part->meta.index == 10;
    };
    group.tick(2 * kOptions.heartbeat_ticks);
    CHECK(group[3].restored.empty());
    commit(group, 1, 4);
    leader.compact(0);
    group.settle();
    CHECK(group[3].restored.size() == 1);
    CHECK(group[3].machine == leader.machine);
}

}  // namespace raft_test

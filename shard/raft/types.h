// The words of consensus: members, the log's entries, what members say to each other and what has
// to be made durable. Plain values; shard/raft/core.h gives them their rules.
// source: D. Ongaro, "Consensus: Bridging Theory and Practice" (below: Raft), chapters 3, 4, 6
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"

namespace shard::raft {

// Drawn at random when a node joins with an empty disk, and never used again: who lost its disk
// comes back as somebody else. 0: nobody.
using MemberId = uint64_t;
using Term = uint64_t;
using Index = uint64_t;  // in the log; the first entry has 1, 0 stands before it

inline constexpr MemberId kNobody = 0;

enum class Role : uint8_t {
    kVoter = 1,
    kLearner = 2,  // is sent the log and has no vote
};

struct Member {
    MemberId id = kNobody;
    Role role = Role::kVoter;
    std::string address;  // host:port where it is spoken to

    bool operator==(const Member&) const = default;
};

// Who belongs to the group. It rules from the moment its entry is in the log, committed or not
// (Raft 4.1), and two that follow each other differ in one member.
struct Configuration {
    std::vector<Member> members;  // by id, each once

    // Null: no member. Valid until the configuration changes.
    [[nodiscard]] const Member* find(MemberId id) const;
    [[nodiscard]] bool is_voter(MemberId id) const;
    [[nodiscard]] size_t voters() const;

    // Votes that decide.
    [[nodiscard]] size_t majority() const { return voters() / 2 + 1; }

    bool operator==(const Configuration&) const = default;
};

enum class EntryKind : uint8_t {
    kCommand = 1,        // of the state machine
    kNoop = 2,           // a new leader's first
    kConfiguration = 3,  // an encoded Configuration
};

struct Entry {
    Index index = 0;
    Term term = 0;
    EntryKind kind = EntryKind::kNoop;
    // Shared by the log, messages and batches on their way to the disk; never changed, never null.
    std::shared_ptr<const std::string> data;

    [[nodiscard]] size_t bytes() const { return kOverhead + data->size(); }

    static constexpr size_t kOverhead = 32;  // what an entry counts beside its data
};

// What a member has promised.
struct HardState {
    Term term = 0;
    MemberId vote = kNobody;  // in that term

    bool operator==(const HardState&) const = default;
};

// A state machine's state after the entry `index`. Two with the same values have the same bytes.
struct SnapshotMeta {
    Index index = 0;
    Term term = 0;
    Configuration configuration;  // as of `index`
    uint64_t size = 0;            // bytes
    uint32_t crc = 0;             // CRC32C of the bytes

    bool operator==(const SnapshotMeta&) const = default;
};

// --- what members say to each other --------------------------------------------------------------

struct VoteRequest {
    bool pre = false;  // would you? changes nothing (Raft 9.6)
    bool transfer =
        false;  // the leader asked for it: its followers need not wait until it is silent
    Index last_index = 0;
    Term last_term = 0;
};

struct VoteReply {
    bool pre = false;
    bool granted = false;
};

struct AppendRequest {
    Index prev_index = 0;
    Term prev_term = 0;
    std::vector<Entry> entries;  // of at most kAppendBytesMax, or one; they follow prev_index
    Index commit = 0;
};

struct AppendReply {
    bool accepted = false;
    // Accepted: the last entry of the request, durable at the sender. Rejected: the request's
    // prev_index.
    Index index = 0;
    // Rejected: the sender's last entry that may be the leader's, too, and its term.
    Index hint_index = 0;
    Term hint_term = 0;
};

// That the leader is there. Answered at once, whatever the disk does.
struct Heartbeat {
    Index commit = 0;    // not beyond what the receiver is known to have
    uint64_t round = 0;  // counts the leader's heartbeats, for reads
};

struct HeartbeatReply {
    uint64_t round = 0;
    // The receiver's log ends here, durable or not; the leader sends what is missing.
    Index last_index = 0;
};

// Part of a snapshot. The receiver keeps the parts, over restarts and leaders, as long as `meta`
// stays the same.
struct SnapshotChunk {
    SnapshotMeta meta;
    uint64_t offset = 0;
    std::string data;  // at most kSnapshotChunkBytesMax
};

struct SnapshotReply {
    Index index = 0;           // of the snapshot
    uint64_t next_offset = 0;  // what is wanted next; the snapshot's size: it is installed
};

// Campaign at once (Raft 3.10).
struct TimeoutNow {};

using MessageBody = std::variant<VoteRequest,
                                 VoteReply,
                                 AppendRequest,
                                 AppendReply,
                                 Heartbeat,
                                 HeartbeatReply,
                                 SnapshotChunk,
                                 SnapshotReply,
                                 TimeoutNow>;

struct Message {
    MemberId from = kNobody;
    MemberId to = kNobody;
    // The sender's; of a pre-vote and its granting reply the term that would be campaigned in.
    Term term = 0;
    MessageBody body;
};

// --- limits
// ----------------------------------------------------------------------------------------

inline constexpr size_t kCommandBytesMax = size_t{1} << 20;   // of one proposal
inline constexpr size_t kAppendBytesMax = size_t{256} << 10;  // of a request, or one entry
inline constexpr size_t kSnapshotChunkBytesMax = size_t{256} << 10;
inline constexpr uint64_t kSnapshotBytesMax = uint64_t{1} << 30;
inline constexpr size_t kMembersMax = 16;
inline constexpr size_t kVotersMax = 7;
inline constexpr size_t kAddressBytesMax = 1024;

// --- what has to be durable
// ------------------------------------------------------------------------

// A snapshot of this member's own state machine, and where the log may begin from now on.
struct SavedSnapshot {
    SnapshotMeta meta;
    std::shared_ptr<const std::string> data;
    Index log_begin = 0;  // entries before it are dropped; <= meta.index + 1
};

// Changes that become durable together: all or nothing. Batches become so in the order of their
// numbers.
struct Persist {
    uint64_t number = 0;
    std::optional<HardState> hard_state;
    // Consecutive. What the log has from the first one's index on is replaced.
    std::vector<Entry> entries;
    std::optional<SavedSnapshot> snapshot;
    // Part of a snapshot from the leader. With another meta than those kept, or the first part
    // again: they are dropped before.
    std::optional<SnapshotChunk> received;
    // All parts are there: they become the snapshot, and the log empty, beginning after it.
    bool install = false;
};

// What a member finds on its disk when it starts.
struct Stored {
    HardState hard_state;
    std::optional<SnapshotMeta> snapshot;
    std::shared_ptr<const std::string> snapshot_data;  // null without one
    Index log_begin = 1;                               // index of the first entry, were there one
    std::vector<Entry> entries;                        // consecutive from log_begin
    // Parts of a snapshot that is not complete.
    std::optional<SnapshotMeta> receiving;
    uint64_t received_bytes = 0;
};

}  // namespace shard::raft

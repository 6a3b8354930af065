#include <algorithm>
#include <utility>

#include "shard/proto/raft.pb.h"
#include "shard/raft/wire.h"

namespace shard::raft {

using base::Code;
using base::fail;
using base::Result;
using base::Status;
using base::success;
using skein::v1::RaftMessage;

namespace {

Status check_version(uint32_t theirs) {
    if (theirs == kRaftProtocol) {
        return success();
    }
    return fail(Code::kUnsupported,
                "the other member speaks version",
                theirs,
                "of skein.v1.Raft, this one version",
                kRaftProtocol,
                theirs < kRaftProtocol ? "and is the newer: upgrade the other one"
                                       : "and is the older: upgrade it");
}

Status check_limit(uint64_t count, uint64_t limit, std::string_view what) {
    if (count > limit) {
        return fail(Code::kLimit, "a raft message with", count, what, "the limit is", limit);
    }
    return success();
}

Status nonsense(std::string_view what) {
    return fail(Code::kInvalid, "a raft message with", what);
}

Result<EntryKind> kind_of(int number) {
    switch (number) {
        case skein::v1::RaftEntry::COMMAND:
            return EntryKind::kCommand;
        case skein::v1::RaftEntry::NOOP:
            return EntryKind::kNoop;
        case skein::v1::RaftEntry::CONFIGURATION:
            return EntryKind::kConfiguration;
        default:
            return fail(Code::kInvalid, "a raft message with an entry of kind", number);
    }
}

Result<Role> role_of(int number) {
    switch (number) {
        case skein::v1::RaftMember::VOTER:
            return Role::kVoter;
        case skein::v1::RaftMember::LEARNER:
            return Role::kLearner;
        default:
            return fail(Code::kInvalid, "a raft message with a member of role", number);
    }
}

Result<Entry> read(skein::v1::RaftEntry& from, Index index) {
    TRY(check_limit(from.data().size(), kCommandBytesMax, "bytes in an entry"));
    Entry entry;
    entry.index = index;
    entry.term = from.term();
    TRY(entry.kind, kind_of(from.kind()));
    entry.data = std::make_shared<const std::string>(std::move(*from.mutable_data()));
    return entry;
}

Result<MessageBody> read(skein::v1::RaftAppendRequest& from) {
    AppendRequest body;
    body.prev_index = from.prev_index();
    body.prev_term = from.prev_term();
    body.commit = from.commit();
    const auto count = static_cast<size_t>(from.entries_size());
    TRY(check_limit(count, kAppendBytesMax / Entry::kOverhead, "entries,"));
    if (body.prev_index > UINT64_MAX - count) {
        return fail(Code::kInvalid, "a raft message with an index beyond all logs");
    }
    body.entries.reserve(count);
    size_t bytes = 0;
    for (skein::v1::RaftEntry& one : *from.mutable_entries()) {
        TRY(Entry entry, read(one, body.prev_index + body.entries.size() + 1));
        bytes += entry.bytes();
        body.entries.push_back(std::move(entry));
    }
    if (count > 1) {
        TRY(check_limit(bytes, kAppendBytesMax, "bytes of entries,"));
    }
    return MessageBody(std::move(body));
}

Result<Member> read(skein::v1::RaftMember& from) {
    TRY(check_limit(from.address().size(), kAddressBytesMax, "bytes in an address,"));
    Member member;
    member.id = from.id();
    TRY(member.role, role_of(from.role()));
    member.address = std::move(*from.mutable_address());
    return member;
}

Result<SnapshotMeta> read(skein::v1::RaftSnapshotMeta& from) {
    SnapshotMeta meta;
    meta.index = from.index();
    meta.term = from.term();
    meta.size = from.size();
    meta.crc = from.crc();
    TRY(check_limit(meta.size, kSnapshotBytesMax, "bytes in its snapshot,"));
    const auto count = static_cast<size_t>(from.members_size());
    TRY(check_limit(count, kMembersMax, "members,"));
    MemberId before = kNobody;
    for (skein::v1::RaftMember& one : *from.mutable_members()) {
        TRY(Member member, read(one));
        if (member.id <= before) {
            return fail(Code::kInvalid, "a raft message with members that do not ascend");
        }
        before = member.id;
        meta.configuration.members.push_back(std::move(member));
    }
    return meta;
}

Result<MessageBody> read(skein::v1::RaftSnapshotChunk& from) {
    TRY(check_limit(from.data().size(), kSnapshotChunkBytesMax, "bytes of a snapshot,"));
    SnapshotChunk body;
    TRY(body.meta, read(*from.mutable_meta()));
    body.offset = from.offset();
    body.data = std::move(*from.mutable_data());
    if (body.offset > body.meta.size || body.data.size() > body.meta.size - body.offset) {
        return fail(Code::kInvalid, "a raft message with bytes beyond the end of a snapshot");
    }
    return MessageBody(std::move(body));
}

Result<MessageBody> read_body(RaftMessage& from) {
    switch (from.body_case()) {
        case RaftMessage::kVoteRequest: {
            const auto& body = from.vote_request();
            return MessageBody(
                VoteRequest{body.pre(), body.transfer(), body.last_index(), body.last_term()});
        }
        case RaftMessage::kVoteReply:
            return MessageBody(VoteReply{from.vote_reply().pre(), from.vote_reply().granted()});
        case RaftMessage::kAppendRequest:
            return read(*from.mutable_append_request());
        case RaftMessage::kAppendReply: {
            const auto& body = from.append_reply();
            return MessageBody(
                AppendReply{body.accepted(), body.index(), body.hint_index(), body.hint_term()});
        }
        case RaftMessage::kHeartbeat:
            return MessageBody(Heartbeat{from.heartbeat().commit(), from.heartbeat().round()});
        case RaftMessage::kHeartbeatReply: {
            const auto& body = from.heartbeat_reply();
            return MessageBody(HeartbeatReply{body.round(), body.last_index()});
        }
        case RaftMessage::kSnapshotChunk:
            return read(*from.mutable_snapshot_chunk());
        case RaftMessage::kSnapshotReply: {
            const auto& body = from.snapshot_reply();
            return MessageBody(SnapshotReply{body.index(), body.next_offset()});
        }
        case RaftMessage::kTimeoutNow:
            return MessageBody(TimeoutNow());
        case RaftMessage::BODY_NOT_SET:
            break;
    }
    return fail(Code::kInvalid, "a raft message without a body that this version knows");
}

Status read_envelope(const RaftMessage& from, Envelope& to) {
    if (from.cluster().size() != to.cluster.size()) {
        return nonsense("no cluster id of 16 bytes");
    }
    std::ranges::copy(from.cluster(), to.cluster.begin());
    if (from.from() == kNobody || from.to() == kNobody || from.from() == from.to()) {
        return nonsense("no sender, no receiver, or the same for both");
    }
    if (from.sequence() == 0) {
        return nonsense("no place in its stream");
    }
    to.sequence = from.sequence();
    to.message.from = from.from();
    to.message.to = from.to();
    to.message.term = from.term();
    return success();
}

}  // namespace

Result<Envelope> decode_envelope(base::ByteView bytes) {
    TRY(check_limit(bytes.size(), kWireBytesMax, "bytes,"));
    RaftMessage parsed;
    if (!parsed.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
        return fail(Code::kCorrupt, "bytes that are no raft message:", bytes.size());
    }
    TRY(check_version(parsed.version()));
    Envelope envelope;
    TRY(read_envelope(parsed, envelope));
    TRY(envelope.message.body, read_body(parsed));
    return envelope;
}

// --- the cluster's id ----------------------------------------------------------------------------

namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::string_view kIdShape = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

}  // namespace

std::string cluster_id_text(const ClusterId& id) {
    std::string text(kIdShape);
    size_t digit = 0;
    for (char& at : text) {
        if (at == 'x') {
            const uint8_t byte = id[digit / 2];
            at = kHexDigits[digit % 2 == 0 ? byte >> 4 : byte & 15];
            ++digit;
        }
    }
    return text;
}

Result<ClusterId> parse_cluster_id(std::string_view text) {
    ClusterId id{};
    size_t digit = 0;
    bool good = text.size() == kIdShape.size();
    for (size_t i = 0; good && i < text.size(); ++i) {
        if (kIdShape[i] == '-') {
            good = text[i] == '-';
            continue;
        }
        const size_t value = kHexDigits.find(text[i]);
        good = value != std::string_view::npos;
        id[digit / 2] = static_cast<uint8_t>(id[digit / 2] << 4 | (value & 15));
        ++digit;
    }
    if (!good) {
        return fail(
            Code::kInvalid, "a cluster id looks like", kIdShape, "in lower case, not", text);
    }
    return id;
}

}  // namespace shard::raft

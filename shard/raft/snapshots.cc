// Snapshots: saving the own, sending it to members that are too far behind, receiving one (Raft 5).
#include "base/check.h"
#include "base/checksum.h"
#include "shard/raft/parts.h"

namespace shard::raft {

namespace {

// Heartbeats' time after which a part that was not answered is sent again.
constexpr uint64_t kResendHeartbeats = 4;

bool makes_sense(const SnapshotChunk& chunk, Term term) {
    const SnapshotMeta& meta = chunk.meta;
    if (meta.index == 0 || meta.index > kIndexMax || meta.term == 0 || meta.term > term ||
        meta.size > kSnapshotBytesMax || !validate(meta.configuration)) {
        return false;
    }
    if (chunk.offset > meta.size || chunk.data.size() > meta.size - chunk.offset ||
        chunk.data.size() > kSnapshotChunkBytesMax) {
        return false;
    }
    return !chunk.data.empty() || meta.size == 0;
}

}  // namespace

// --- the own
// ------------------------------------------------------------------------------------------------

void Core::Parts::compact(Index index, std::shared_ptr<const std::string> data, Index trailing) {
    SKEIN_CHECK(index <= applied, "a snapshot of what is not applied:", index, "of", applied);
    SKEIN_CHECK(data->size() <= kSnapshotBytesMax, "a snapshot of", data->size(), "bytes");
    const bool busy = saving || saving_under_way || receiving.installing;
    if (busy || (snapshot && index <= snapshot->index) || index == 0) {
        return;
    }
    const SnapshotMeta meta{.index = index,
                            .term = *log.term(index),
                            .configuration = configurations.at(index),
                            .size = data->size(),
                            .crc = base::crc32c(*data)};
    const Index begin = std::max(log.begin(), index + 1 - std::min(trailing, index));
    saving = SavedSnapshot{.meta = meta, .data = std::move(data), .log_begin = begin};
}

// The disk has one snapshot: who is being sent the one before starts again.
void Core::Parts::saved(const SnapshotMeta& meta, Index log_begin) {
    saving_under_way = false;
    snapshot = meta;
    log.cut(log_begin);
    configurations.cut(meta.index);
    for (auto& [id, peer] : peers) {
        if (peer.pace() == Pace::kSnapshot) {
            peer.begin_snapshot(meta);
        }
    }
}

// --- sending
// ------------------------------------------------------------------------------------------------

void Core::Parts::handle(const Message& message, const SnapshotReply& reply) {
    Progress* peer = hear(message.from);
    if (peer == nullptr || peer->pace() != Pace::kSnapshot) {
        return;
    }
    Transmission& sending = peer->transmission;
    if (reply.index != sending.meta.index || reply.next_offset > sending.meta.size) {
        return;
    }
    if (reply.next_offset == sending.meta.size) {
        peer->installed(reply.index);
        count_commit();
    } else if (reply.next_offset != sending.offset) {
        sending.offset = reply.next_offset;
        sending.due = true;
    }
}

void Core::Parts::tick_snapshots() {
    for (auto& [id, peer] : peers) {
        const bool there = now - peer.heard_at < options.election_ticks;
        const uint64_t waited = now - peer.transmission.sent_at;
        if (peer.pace() == Pace::kSnapshot && there &&
            waited >= kResendHeartbeats * options.heartbeat_ticks) {
            peer.transmission.due = true;
        }
    }
}

// --- receiving
// ------------------------------------------------------------------------------------------------

void Core::Parts::handle(const Message& message, const SnapshotChunk& chunk) {
    if (receiving.installing || !makes_sense(chunk, message.term)) {
        return;
    }
    const SnapshotMeta& meta = chunk.meta;
    if (meta.index <= commit || log.has(meta.index, meta.term)) {
        // All of it is in the log already, and what follows it may be acknowledged (Raft 5.3).
        advance_commit(meta.index);
        reply_snapshot(message.from, meta.index, meta.size, batch_of(meta.index));
        return;
    }
    take_chunk(message, chunk);
}

void Core::Parts::take_chunk(const Message& message, const SnapshotChunk& chunk) {
    if (receiving.meta != chunk.meta) {
        if (receiving.meta && receiving.term == hard.term &&
            chunk.meta.index < receiving.meta->index) {
            return;  // overtaken by a newer one of the same leader
        }
        receiving = {.meta = chunk.meta};
    }
    receiving.term = hard.term;
    const bool wanted = chunk.offset == receiving.bytes;
    if (receiving.chunk) {
        return;  // the disk is behind
    }
    if (wanted) {
        receiving.bytes += chunk.data.size();
        receiving.after = batches.next();
        receiving.chunk = chunk;
    }
    if (receiving.bytes == chunk.meta.size) {
        receiving.complete = receiving.installing = true;
        return;
    }
    reply_snapshot(message.from, chunk.meta.index, receiving.bytes, receiving.after);
}

void Core::Parts::reply_snapshot(MemberId to, Index index, uint64_t next_offset, uint64_t after) {
    send(to, SnapshotReply{.index = index, .next_offset = next_offset}, after);
}

void Core::Parts::installed(const SnapshotMeta& meta) {
    SKEIN_CHECK(meta.index > commit, "a snapshot takes back what is committed:", meta.index);
    snapshot = meta;
    log.reset(meta.index, meta.term);
    configurations.reset(meta.index, meta.configuration);
    commit = given = applied = meta.index;
    receiving = {};
    restore = meta;
    if (leader != kNobody) {
        reply_snapshot(leader, meta.index, meta.size, 0);
    }
}

}  // namespace shard::raft

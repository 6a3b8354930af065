// What goes out: batches for the disk, messages once the disk has what they promise, and what is
// committed.
#include "base/check.h"
#include "shard/raft/parts.h"

namespace shard::raft {

bool Output::empty() const {
    return !persist && messages.empty() && snapshots.empty() && !restore && committed.empty() &&
           reads.empty() && failed_reads.empty();
}

bool Core::Parts::has_output() const {
    const auto wants = [&](const auto& item) {
        const Progress& peer = item.second;
        return has_appends(peer) || has_news(peer) || peer.transmission.due;
    };
    return has_persist() || outbox.ready(batches.durable()) || restore ||
           std::min(commit, log.durable()) > given || reads.have_output() || reads.want_round() ||
           std::ranges::any_of(peers, wants);
}

Output Core::Parts::output() {
    if (reads.want_round()) {
        beat();
    }
    for (auto& [id, peer] : peers) {
        send_appends(id, peer);
    }
    Output out;
    out.persist = take_persist();
    outbox.take(batches.durable(), hard.term, out.messages);
    out.snapshots = take_snapshots();
    out.restore = std::exchange(restore, std::nullopt);
    out.committed = take_committed();
    out.reads = reads.take_ready();
    out.failed_reads = reads.take_failed();
    return out;
}

bool Core::Parts::has_persist() const {
    return !batches.full() && (hard_state_changed || log.handed() < log.last() || saving ||
                               receiving.chunk || receiving.complete);
}

// A received snapshot is installed by a batch that has no entries and no other snapshot: what was
// in the log goes to the disk before.
std::optional<Persist> Core::Parts::take_persist() {
    if (!has_persist()) {
        return std::nullopt;
    }
    Persist out;
    Batch batch{.handed_at = now};
    if (std::exchange(hard_state_changed, false)) {
        out.hard_state = hard;
    }
    if (log.handed() < log.last()) {
        out.entries = log.hand_out();
        batch.last_entry = log.last();
    }
    if (saving) {
        batch.saved = saving->meta;
        batch.log_begin = saving->log_begin;
        out.snapshot = std::exchange(saving, std::nullopt);
        saving_under_way = true;
    }
    const bool alone = out.entries.empty() && !out.snapshot;
    if (!receiving.complete || alone) {
        out.received = std::exchange(receiving.chunk, std::nullopt);
        out.install = std::exchange(receiving.complete, false);
        if (out.install) {
            batch.installed = receiving.meta;
        }
    }
    out.number = batches.hand_out(std::move(batch));
    return out;
}

// Committed, and durable here (Raft 10.2.1).
std::vector<Entry> Core::Parts::take_committed() {
    const Index to = std::min(commit, log.durable());
    if (to <= given) {
        return {};
    }
    const auto entries = log.range(given + 1, to);
    given = to;
    return {entries.begin(), entries.end()};
}

std::vector<SnapshotSend> Core::Parts::take_snapshots() {
    std::vector<SnapshotSend> out;
    for (auto& [id, peer] : peers) {
        if (std::exchange(peer.transmission.due, false)) {
            peer.transmission.sent_at = now;
            out.push_back({.to = id,
                           .term = hard.term,
                           .meta = peer.transmission.meta,
                           .offset = peer.transmission.offset});
        }
    }
    return out;
}

void Core::Parts::send(MemberId to, MessageBody body, uint64_t after) {
    outbox.add({.from = self, .to = to, .term = hard.term, .body = std::move(body)},
               std::max(after, hard_state_batch));
}

void Core::Parts::send_now(MemberId to, Term as_of, MessageBody body) {
    outbox.add({.from = self, .to = to, .term = as_of, .body = std::move(body)}, 0);
}

uint64_t Core::Parts::batch_of(Index index) const {
    if (index <= log.durable()) {
        return 0;
    }
    return index > log.handed() ? batches.next() : batches.with_entry(index);
}

void Core::Parts::save_hard_state() {
    hard_state_changed = true;
    hard_state_batch = batches.next();
}

}  // namespace shard::raft

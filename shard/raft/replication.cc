// A leader's part: entries to the others, and what a majority has.
#include "base/check.h"
#include "shard/raft/parts.h"

namespace shard::raft {

// Appends to the own log; the others get it with the next output, without waiting for the disk
// (Raft 10.2.1).
void Core::Parts::append_own(EntryKind kind, std::string data) {
    Entry entry{.index = log.last() + 1,
                .term = hard.term,
                .kind = kind,
                .data = std::make_shared<const std::string>(std::move(data))};
    uncommitted_bytes += entry.bytes();
    append(std::move(entry));
}

// Null: it tells a leader nothing.
Progress* Core::Parts::hear(MemberId from) {
    const auto peer = peers.find(from);
    if (peer == peers.end()) {
        return nullptr;
    }
    peer->second.heard_at = now;
    return &peer->second;
}

void Core::Parts::handle(const Message& message, const AppendReply& reply) {
    Progress* peer = hear(message.from);
    if (peer == nullptr || reply.index > log.last()) {
        return;
    }
    if (!reply.accepted) {
        peer->rejected(reply.index, log.last_not_above(reply.hint_index, reply.hint_term));
        return;
    }
    peer->accepted(reply.index, log.begin());
    advance_transfer();
    count_commit();
}

void Core::Parts::handle(const Message& message, const HeartbeatReply& reply) {
    Progress* peer = reply.round <= round ? hear(message.from) : nullptr;
    if (peer != nullptr) {
        peer->answered(reply.round, reply.last_index);
        confirm_reads();
    }
}

void Core::Parts::beat() {
    ++round;
    beaten_at = now;
    for (auto& [id, peer] : peers) {
        peer.commit_told = std::min(commit, peer.match());
        send(id, Heartbeat{.commit = peer.commit_told, .round = round});
    }
    reads.begin_round(round);
    confirm_reads();
}

// Commits what a majority has durably, if it is of this term; what is before it is then committed,
// too. Entries of earlier terms are never counted (Raft 3.6.2, figure 3.7).
void Core::Parts::count_commit() {
    if (state != State::kLeader) {
        return;
    }
    const Index index =
        of_majority(log.durable(), [](const Progress& peer) { return peer.match(); });
    if (index > commit && log.has(index, hard.term)) {
        advance_commit(index);
        leave_if_removed();
    }
}

bool Core::Parts::has_appends(const Progress& peer) const {
    return (peer.ask && peer.may_send(options, false)) ||
           (peer.next() <= log.last() && peer.may_send(options, true));
}

bool Core::Parts::has_news(const Progress& peer) const {
    return std::min(commit, peer.match()) > peer.commit_told;
}

void Core::Parts::send_appends(MemberId to, Progress& peer) {
    while (has_appends(peer)) {
        if (!send_append(to, peer)) {
            SKEIN_CHECK(snapshot.has_value(), "the log begins after nothing:", log.begin());
            peer.begin_snapshot(*snapshot);
        }
    }
    if (has_news(peer)) {
        peer.commit_told = std::min(commit, peer.match());
        send(to, Heartbeat{.commit = peer.commit_told, .round = round});
    }
}

bool Core::Parts::send_append(MemberId to, Progress& peer) {
    const Index prev = peer.next() - 1;
    const auto prev_term = log.term(prev);
    if (!prev_term) {
        return false;
    }
    const bool room = peer.may_send(options, true);
    const auto entries = log.from(peer.next(), room ? kAppendBytesMax : 0);
    const Index last = prev + entries.size();
    size_t bytes = 0;
    for (const Entry& entry : entries) {
        bytes += entry.bytes();
    }
    send(to,
         AppendRequest{.prev_index = prev,
                       .prev_term = *prev_term,
                       .entries = {entries.begin(), entries.end()},
                       .commit = commit});
    if (peer.pace() == Pace::kPipeline) {
        peer.commit_told = std::max(peer.commit_told, std::min(commit, last));
    }
    peer.sent(last, bytes, round);
    return true;
}

bool Core::Parts::heard_by_majority() const {
    const uint64_t at = of_majority(now, [](const Progress& peer) { return peer.heard_at; });
    return now - at < options.election_ticks;
}

void Core::Parts::confirm_reads() {
    reads.confirm(of_majority(round, [](const Progress& peer) { return peer.confirmed_round; }));
}

}  // namespace shard::raft

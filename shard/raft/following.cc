// Taking entries from a leader.
#include "shard/raft/parts.h"

namespace shard::raft {

namespace {

bool makes_sense(const Entry& entry) {
    if (entry.data == nullptr || entry.data->size() > kCommandBytesMax) {
        return false;
    }
    switch (entry.kind) {
        case EntryKind::kCommand:
        case EntryKind::kNoop:
            return true;
        case EntryKind::kConfiguration: {
            const auto configuration = decode_configuration(*entry.data);
            return configuration && validate(configuration.value());
        }
    }
    return false;
}

// Entries follow prev_index one after another, and their terms do not fall.
bool makes_sense(const AppendRequest& request, Term term) {
    if (request.prev_index > kIndexMax || (request.prev_index == 0) != (request.prev_term == 0)) {
        return false;
    }
    Index index = request.prev_index;
    Term last_term = request.prev_term;
    size_t bytes = 0;
    for (const Entry& entry : request.entries) {
        if (entry.index != ++index || entry.term < last_term || !makes_sense(entry)) {
            return false;
        }
        last_term = entry.term;
        bytes += entry.bytes();
    }
    return last_term <= term && (bytes <= kAppendBytesMax || request.entries.size() == 1);
}

}  // namespace

void Core::Parts::handle(const Message& message, AppendRequest& request) {
    if (receiving.installing || !makes_sense(request, message.term)) {
        return;
    }
    const Index prev = request.prev_index;
    if (prev >= commit && !log.has(prev, request.prev_term)) {
        reject_append(message.from, request);
        return;
    }
    const Index matched = prev + request.entries.size();
    const Index committed = std::min(request.commit, matched);
    if (!take_entries(request)) {
        return;
    }
    advance_commit(committed);
    // Never more than the request showed: what else is in the log may be of another leader.
    send(message.from, AppendReply{.accepted = true, .index = matched}, batch_of(matched));
}

// Passes over whole terms on the way back (Raft 3.5); what is committed is the leader's, too.
void Core::Parts::reject_append(MemberId to, const AppendRequest& request) {
    const Index hint = std::max(commit, log.last_not_above(request.prev_index, request.prev_term));
    send(to,
         AppendReply{.accepted = false,
                     .index = request.prev_index,
                     .hint_index = hint,
                     .hint_term = log.term(hint).value_or(0)});
}

// Only what differs is replaced: an old request must not shorten the log (Raft 3.5).
bool Core::Parts::take_entries(AppendRequest& request) {
    auto entry = request.entries.begin();
    for (; entry != request.entries.end(); ++entry) {
        const auto known = log.term(entry->index);
        const bool committed = entry->index <= commit;
        if (committed && known && *known != entry->term) {
            return false;  // no leader of this group
        }
        if (!committed && known != entry->term) {
            break;
        }
    }
    if (entry != request.entries.end() && entry->index <= log.last()) {
        log.truncate(entry->index, commit);
        batches.truncate(entry->index);
        configurations.truncate(entry->index);
    }
    for (; entry != request.entries.end(); ++entry) {
        append(std::move(*entry));
    }
    return true;
}

// A configuration rules from here on (Raft 4.1).
void Core::Parts::append(Entry entry) {
    if (entry.kind == EntryKind::kConfiguration) {
        configurations.push(entry.index, decode_configuration(*entry.data).value());
    }
    log.append(std::move(entry));
}

void Core::Parts::advance_commit(Index index) {
    if (index <= commit) {
        return;
    }
    if (state == State::kLeader) {
        for (const Entry& entry : log.range(commit + 1, index)) {
            uncommitted_bytes -= entry.bytes();
        }
    }
    commit = index;
}

void Core::Parts::handle(const Message& message, const Heartbeat& heartbeat) {
    if (!receiving.installing) {
        advance_commit(std::min(heartbeat.commit, log.last()));
    }
    send(message.from, HeartbeatReply{.round = heartbeat.round, .last_index = log.last()});
}

}  // namespace shard::raft

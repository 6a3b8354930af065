// What comes in: what a member starts from, ticks, messages, what became durable, and what it is
// asked.
#include <type_traits>

#include "base/check.h"
#include "shard/raft/parts.h"

namespace shard::raft {

namespace {

using base::Code;
using base::fail;

template <class Body>
constexpr bool kFromLeader =
    std::is_same_v<Body, AppendRequest> || std::is_same_v<Body, Heartbeat> ||
    std::is_same_v<Body, SnapshotChunk> || std::is_same_v<Body, TimeoutNow>;

bool from_leader(const MessageBody& body) {
    return std::visit(
        [](const auto& kind) { return kFromLeader<std::remove_cvref_t<decltype(kind)>>; }, body);
}

Configuration first_configuration(const Stored& stored) {
    return stored.snapshot ? stored.snapshot->configuration : Configuration{};
}

}  // namespace

Core::Parts::Parts(MemberId own, const CoreOptions& chosen, Stored stored, base::Random& from)
    : self(own),
      options(chosen),
      random(from),
      hard(stored.hard_state),
      log(stored),
      configurations(stored.snapshot ? stored.snapshot->index : 0, first_configuration(stored)),
      snapshot(stored.snapshot) {
    SKEIN_CHECK(self != kNobody, "a member has an id");
    SKEIN_CHECK(hard.term >= log.last_term(), "the log is ahead of the term", hard.term);
    commit = given = applied = snapshot ? snapshot->index : 0;
    for (const Entry& entry : log.entries()) {
        if (entry.kind == EntryKind::kConfiguration && entry.index > commit) {
            auto decoded = decode_configuration(*entry.data);
            SKEIN_CHECK(decoded.has_value(), "stored configuration", entry.index, "is damaged");
            configurations.push(entry.index, std::move(decoded).value());
        }
    }
    receiving.meta = std::move(stored.receiving);
    receiving.bytes = receiving.meta ? stored.received_bytes : 0;
    restart_election_timer();
    const Configuration& members = configurations.newest();
    if (members.voters() == 1 && members.is_voter(self) && may_campaign()) {
        campaign(false);
    }
}

void Core::Parts::tick() {
    ++now;
    if (state == State::kLeader) {
        tick_leader();
    } else if (now - timer_started_at >= timeout) {
        time_out();
    }
}

void Core::Parts::tick_leader() {
    if (disk_late()) {
        step_down();
        return;
    }
    if (!heard_by_majority()) {  // Raft 6.2
        become_follower(hard.term, kNobody);
        return;
    }
    const bool due = now - beaten_at >= options.heartbeat_ticks;
    if (due) {
        beat();
    }
    tick_transfer(due);
    tick_snapshots();
}

void Core::Parts::step(Message& message) {
    if (message.to != self || message.from == self || message.from == kNobody ||
        message.term == 0 || message.term > kTermMax) {
        return;
    }
    if (!settle_term(message)) {
        return;
    }
    if (from_leader(message.body) && !follow_sender(message)) {
        return;
    }
    std::visit([&](auto& body) { handle(message, body); }, message.body);
}

// The rules for servers of Raft figure 3.1 on terms, but for votes, whose requests settle theirs
// themselves.
bool Core::Parts::settle_term(const Message& message) {
    if (std::holds_alternative<VoteRequest>(message.body)) {
        return true;
    }
    if (const auto* vote = std::get_if<VoteReply>(&message.body);
        vote != nullptr && vote->pre && vote->granted) {
        return message.term == hard.term + 1;
    }
    if (message.term == hard.term) {
        return true;
    }
    if (message.term < hard.term) {
        if (from_leader(message.body)) {  // it learns that its time is over
            send(message.from, AppendReply{});
        }
        return false;
    }
    if (!from_leader(message.body) && configurations.newest().find(message.from) == nullptr) {
        return false;  // an answer of somebody who was removed deposes nobody
    }
    become_follower(message.term, kNobody);
    return true;
}

// A term has one leader (Raft 3.4).
bool Core::Parts::follow_sender(const Message& message) {
    if (state == State::kLeader || (leader != kNobody && leader != message.from)) {
        return false;
    }
    if (state != State::kFollower || leader != message.from) {
        become_follower(hard.term, message.from);
    }
    leader_heard_at = timer_started_at = now;
    return true;
}

void Core::Parts::persisted(uint64_t number) {
    while (const auto batch = batches.next_durable(number)) {
        log.made_durable(batch->last_entry);
        if (batch->saved) {
            saved(*batch->saved, batch->log_begin);
        }
        if (batch->installed) {
            installed(*batch->installed);
        }
    }
    if (state == State::kCandidate && hard_state_batch <= batches.durable()) {
        votes[self] = true;
        count_votes();
    }
    count_commit();
}

base::Result<Index> Core::Parts::propose(std::string command) {
    if (state != State::kLeader) {
        return fail(Code::kUnavailable, "not the leader");
    }
    if (transfer) {
        return fail(Code::kUnavailable, "leadership is being transferred");
    }
    if (command.size() > kCommandBytesMax) {
        return fail(Code::kLimit,
                    "a command of",
                    command.size(),
                    "bytes: a command may have",
                    kCommandBytesMax);
    }
    const size_t bytes = uncommitted_bytes + Entry::kOverhead + command.size();
    if (uncommitted_bytes != 0 && bytes > options.uncommitted_bytes_max) {
        return fail(Code::kLimit,
                    uncommitted_bytes,
                    "bytes are proposed and not committed, the limit is",
                    options.uncommitted_bytes_max);
    }
    append_own(EntryKind::kCommand, std::move(command));
    return log.last();
}

base::Status Core::Parts::read(uint64_t context) {
    if (state != State::kLeader || commit < noop) {
        return fail(Code::kUnavailable, "not the leader, or not yet");
    }
    if (reads.full()) {
        return fail(Code::kLimit, kReadsMax, "reads wait, which is the limit");
    }
    reads.add(context, commit);
    return base::success();
}

}  // namespace shard::raft

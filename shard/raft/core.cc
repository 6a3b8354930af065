#include "shard/raft/core.h"

#include <type_traits>

#include "base/check.h"
#include "base/checksum.h"
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

// --- starting
// ------------------------------------------------------------------------------------------------

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

Persist Core::found(Configuration configuration, std::shared_ptr<const std::string> state) {
    SKEIN_CHECK(validate(configuration).has_value(), "a group is founded with valid members");
    const SnapshotMeta meta{.index = 1,
                            .term = 1,
                            .configuration = std::move(configuration),
                            .size = state->size(),
                            .crc = base::crc32c(*state)};
    Persist batch;
    batch.hard_state = HardState{.term = 1, .vote = kNobody};
    batch.snapshot = SavedSnapshot{.meta = meta, .data = std::move(state), .log_begin = 2};
    return batch;
}

// --- what comes in
// ------------------------------------------------------------------------------------------------

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

// --- the core
// ------------------------------------------------------------------------------------------------

Core::Core(MemberId self, const CoreOptions& options, Stored stored, base::Random& random)
    : parts_(std::make_unique<Parts>(self, options, std::move(stored), random)) {}

Core::~Core() = default;

void Core::tick() {
    parts_->tick();
}

void Core::step(Message message) {
    parts_->step(message);
}

void Core::persisted(uint64_t number) {
    parts_->persisted(number);
}

void Core::applied(Index index) {
    SKEIN_CHECK(index <= parts_->given, "applied before it was handed out:", index);
    parts_->applied = std::max(parts_->applied, index);
}

void Core::compact(Index index, std::shared_ptr<const std::string> data, Index trailing) {
    parts_->compact(index, std::move(data), trailing);
}

void Core::unreachable(MemberId member) {
    if (const auto peer = parts_->peers.find(member); peer != parts_->peers.end()) {
        peer->second.lost(parts_->round);
    }
}

base::Result<Index> Core::propose(std::string command) {
    return parts_->propose(std::move(command));
}

base::Result<Index> Core::change(const Configuration& to) {
    return parts_->change(to);
}

base::Status Core::transfer(MemberId to) {
    return parts_->begin_transfer(to);
}

base::Status Core::read(uint64_t context) {
    return parts_->read(context);
}

void Core::step_down() {
    parts_->step_down();
}

bool Core::has_output() const {
    return parts_->has_output();
}

Output Core::output() {
    return parts_->output();
}

MemberId Core::self() const {
    return parts_->self;
}

State Core::state() const {
    return parts_->state;
}

Term Core::term() const {
    return parts_->hard.term;
}

MemberId Core::leader() const {
    return parts_->leader;
}

bool Core::leads() const {
    return parts_->state == State::kLeader && parts_->commit >= parts_->noop;
}

bool Core::transferring() const {
    return parts_->transfer.has_value();
}

Index Core::commit_index() const {
    return parts_->commit;
}

Index Core::applied_index() const {
    return parts_->applied;
}

Index Core::last_index() const {
    return parts_->log.last();
}

Index Core::log_begin() const {
    return parts_->log.begin();
}

Term Core::term_at(Index index) const {
    return parts_->log.term(index).value_or(0);
}

const std::vector<Entry>& Core::entries() const {
    return parts_->log.entries();
}

size_t Core::log_bytes() const {
    return parts_->log.bytes();
}

const Configuration& Core::configuration() const {
    return parts_->configurations.newest();
}

Index Core::configuration_index() const {
    return parts_->configurations.newest_index();
}

std::vector<ProgressView> Core::progress() const {
    std::vector<ProgressView> views;
    for (const auto& [id, peer] : parts_->peers) {
        views.push_back({.id = id,
                         .match = peer.match(),
                         .active = parts_->now - peer.heard_at < parts_->options.election_ticks,
                         .snapshot = peer.pace() == Pace::kSnapshot});
    }
    return views;
}

}  // namespace shard::raft

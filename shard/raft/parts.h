// What a member consists of, and what it does. Private to the core: each group of functions has the
// file that is named above it.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "shard/raft/configuration.h"
#include "shard/raft/core.h"
#include "shard/raft/log.h"
#include "shard/raft/outbox.h"
#include "shard/raft/progress.h"
#include "shard/raft/reads.h"

namespace shard::raft {

// A snapshot of the leader's that comes in part by part.
struct Receiving {
    std::optional<SnapshotMeta> meta;
    uint64_t bytes = 0;                  // that are there, durable or not
    uint64_t after = 0;                  // the batch with the last of them
    Term term = 0;                       // in which it began
    std::optional<SnapshotChunk> chunk;  // goes into the next batch
    bool complete = false;               // is to be installed
    bool installing = false;             // is to be, or is being: the log stands still until then
};

struct Transfer {
    MemberId to = kNobody;
    uint64_t began_at = 0;  // in ticks
};

struct Core::Parts {
    Parts(MemberId own, const CoreOptions& chosen, Stored stored, base::Random& from);

    // --- input.cc: what comes in
    // ------------------------------------------------------------------
    void tick();
    void tick_leader();
    void step(Message& message);
    // False: it is passed over.
    [[nodiscard]] bool settle_term(const Message& message);
    [[nodiscard]] bool follow_sender(const Message& message);
    void persisted(uint64_t number);
    [[nodiscard]] base::Result<Index> propose(std::string command);
    [[nodiscard]] base::Status read(uint64_t context);

    // --- output.cc: what goes out ----------------------------------------------------------------
    [[nodiscard]] bool has_output() const;
    [[nodiscard]] Output output();
    [[nodiscard]] bool has_persist() const;
    [[nodiscard]] std::optional<Persist> take_persist();
    [[nodiscard]] std::vector<Entry> take_committed();
    [[nodiscard]] std::vector<SnapshotSend> take_snapshots();
    // After what it says is durable: the batch `after`, and the term.
    void send(MemberId to, MessageBody body, uint64_t after = 0);
    // Promises nothing.
    void send_now(MemberId to, Term as_of, MessageBody body);
    // The batch that makes the log durable up to `index`; 0: it is.
    [[nodiscard]] uint64_t batch_of(Index index) const;
    void save_hard_state();

    // --- election.cc (Raft 3.4, 9.6, 4.2.3) ------------------------------------------------------
    void restart_election_timer();
    [[nodiscard]] bool hears_leader() const;
    [[nodiscard]] bool disk_late() const;
    [[nodiscard]] bool may_campaign() const;
    void time_out();
    void ask_first();  // pre-vote
    void campaign(bool transfer);
    void request_votes(bool pre, bool transfer);
    void count_votes();
    void become_follower(Term new_term, MemberId new_leader);
    void become_leader();
    void step_down();
    void handle(const Message& message, const VoteRequest& request);
    void handle(const Message& message, const VoteReply& reply);
    void handle(const Message& message, const TimeoutNow& campaign_now);

    // --- following.cc (Raft 3.5) -----------------------------------------------------------------
    void handle(const Message& message, AppendRequest& request);
    void handle(const Message& message, const Heartbeat& heartbeat);
    void reject_append(MemberId to, const AppendRequest& request);
    // Where the log ends after it has the request's entries; nothing: it contradicts what is
    // committed.
    [[nodiscard]] bool take_entries(AppendRequest& request);
    void append(Entry entry);
    void advance_commit(Index index);

    // --- replication.cc (Raft 3.5, 3.6.2, 10.2.1) ------------------------------------------------
    void append_own(EntryKind kind, std::string data);
    void handle(const Message& message, const AppendReply& reply);
    void handle(const Message& message, const HeartbeatReply& reply);
    void beat();
    void count_commit();
    [[nodiscard]] bool has_appends(const Progress& peer) const;
    [[nodiscard]] bool has_news(const Progress& peer) const;
    void send_appends(MemberId to, Progress& peer);
    // False: entries that it lacks are no longer here.
    [[nodiscard]] bool send_append(MemberId to, Progress& peer);
    [[nodiscard]] bool heard_by_majority() const;
    void confirm_reads();
    // The largest value that a majority of the voters has.
    template <class Value>
    [[nodiscard]] uint64_t of_majority(uint64_t own, Value value) const;
    Progress* hear(MemberId from);

    // --- membership.cc (Raft 4) ------------------------------------------------------------------
    [[nodiscard]] base::Result<Index> change(const Configuration& to);
    void follow_configuration();
    void leave_if_removed();

    // --- transfer.cc (Raft 3.10) -----------------------------------------------------------------
    [[nodiscard]] base::Status begin_transfer(MemberId to);
    void tick_transfer(bool beaten);
    void advance_transfer();

    // --- snapshots.cc (Raft 5) -------------------------------------------------------------------
    void compact(Index index, std::shared_ptr<const std::string> data, Index trailing);
    void handle(const Message& message, const SnapshotChunk& chunk);
    void handle(const Message& message, const SnapshotReply& reply);
    void take_chunk(const Message& message, const SnapshotChunk& chunk);
    void reply_snapshot(MemberId to, Index index, uint64_t next_offset, uint64_t after);
    void saved(const SnapshotMeta& meta, Index log_begin);
    void installed(const SnapshotMeta& meta);
    void tick_snapshots();

    // --- what stays ------------------------------------------------------------------------------
    const MemberId self;
    const CoreOptions options;
    base::Random& random;

    // --- what is durable, or on its way ----------------------------------------------------------
    HardState hard;
    Log log;
    Configurations configurations;
    std::optional<SnapshotMeta> snapshot;  // own, durable
    std::optional<SavedSnapshot> saving;   // own, goes into the next batch
    bool saving_under_way = false;
    Receiving receiving;
    bool hard_state_changed = false;
    uint64_t hard_state_batch = 0;  // that has it
    Batches batches;
    Outbox outbox;

    // --- what every member knows -----------------------------------------------------------------
    uint64_t now = 0;  // in ticks
    State state = State::kFollower;
    MemberId leader = kNobody;
    uint64_t leader_heard_at = 0;
    uint64_t timer_started_at = 0;
    uint64_t timeout = 0;  // ticks, from then
    Index commit = 0;
    Index given = 0;  // committed entries were handed out up to here
    Index applied = 0;
    std::optional<SnapshotMeta> restore;

    // --- what candidates know --------------------------------------------------------------------
    std::map<MemberId, bool> votes;

    // --- what leaders know -----------------------------------------------------------------------
    std::map<MemberId, Progress> peers;  // members but itself
    Index noop = 0;                      // the first entry of its term
    size_t uncommitted_bytes = 0;
    uint64_t round = 0;  // heartbeats begun
    uint64_t beaten_at = 0;
    std::optional<Transfer> transfer;
    Reads reads;
};

template <class Value>
uint64_t Core::Parts::of_majority(uint64_t own, Value value) const {
    std::vector<uint64_t> values;
    for (const Member& member : configurations.newest().members) {
        if (member.role == Role::kVoter) {
            const auto peer = peers.find(member.id);
            values.push_back(member.id == self ? own : value(peer->second));
        }
    }
    const auto deciding = values.begin() + static_cast<ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), deciding, values.end(), std::greater<>());
    return *deciding;
}

}  // namespace shard::raft

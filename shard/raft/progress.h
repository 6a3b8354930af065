// What a leader knows of another member, and how much it lets be under way to it.
#pragma once

#include <deque>

#include "shard/raft/core.h"
#include "shard/raft/types.h"

namespace shard::raft {

enum class Pace : uint8_t {
    kProbe,     // one request at a time: where the logs part is not known, or it does not answer
    kPipeline,  // requests follow one another, unanswered
    kSnapshot,  // it lacks entries that the leader no longer has
};

// An append that has not been answered.
struct InFlight {
    Index last = 0;
    size_t bytes = 0;
    uint64_t round = 0;  // heartbeats the leader had begun when it was sent
};

// A snapshot on its way to a member, part by part, each after the last was answered.
struct Transmission {
    SnapshotMeta meta;
    uint64_t offset = 0;   // of the part under way
    bool due = false;      // the part is to be sent (again)
    uint64_t sent_at = 0;  // in ticks
};

//   invariant   match < next; unless kPipeline, nothing is in flight
class Progress {
  public:
    // Of a member of which only is known that the leader's log ends with `last`.
    Progress(Index last, uint64_t now) : heard_at(now), next_(last + 1) {}

    // Its log is the leader's up to here, and durable.
    [[nodiscard]] Index match() const { return match_; }

    // The first entry to be sent.
    [[nodiscard]] Index next() const { return next_; }

    [[nodiscard]] Pace pace() const { return pace_; }

    // Whether an append may be sent, if it brings entries or only asks.
    [[nodiscard]] bool may_send(const CoreOptions& options, bool entries) const;
    // One was, with entries up to `last` (next - 1: none).
    void sent(Index last, size_t bytes, uint64_t round);

    // Entries up to `index` are there.
    //   begin  of the leader's log: a member that got beyond needs no snapshot
    void accepted(Index index, Index begin);
    // The entry before those sent was not the leader's; `may_match` is where the logs may meet.
    // False: an old answer, which tells nothing.
    bool rejected(Index index, Index may_match);
    // Answers heartbeat `round`, and its log ends with `last`: what was sent before and is not
    // there was lost. Silence about what is there is asked about.
    void answered(uint64_t round, Index last);
    // Nothing that is under way can be counted on. Goes on after the next answered heartbeat.
    void lost(uint64_t round);

    void begin_snapshot(const SnapshotMeta& meta);
    // It has the snapshot of `index`.
    void installed(Index index);

    Transmission transmission;     // kSnapshot only
    uint64_t heard_at = 0;         // in ticks; when it last said something in this term
    uint64_t confirmed_round = 0;  // the last heartbeat it answered
    Index commit_told = 0;         // it was told, or is being told, that this is committed
    bool ask = true;               // send an append, be it empty: its answer is wanted

  private:
    void probe(Index next);

    Index match_ = 0;
    Index next_ = 1;
    Pace pace_ = Pace::kProbe;
    bool paused_ = false;       // kProbe: the request is under way
    uint64_t probe_round_ = 0;  // when it was sent
    std::deque<InFlight> in_flight_;
    size_t in_flight_bytes_ = 0;
};

}  // namespace shard::raft

// The proposals and reads of a driver that wait for their answers, and the answers that wait to be
// given.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "shard/raft/types.h"

namespace shard::raft {

using ProposalDone = std::function<void(base::Result<std::string>)>;
using ReadDone = std::function<void(base::Status)>;

// Completions that are due, in the order in which they became so. Nothing is called while something
// is half done: the driver calls them when it has come to an end.
class Answers {
  public:
    void add(ProposalDone done, base::Result<std::string> answer);
    void add(ReadDone done, base::Status answer);

    // What another one gave.
    void push(std::function<void()> answer) { due_.push_back(std::move(answer)); }

    [[nodiscard]] bool empty() const { return due_.empty(); }

    // The oldest one. There is one.
    [[nodiscard]] std::function<void()> take();

  private:
    std::deque<std::function<void()>> due_;
};

// WaitingProposals that stand in the log, by the term and the index of their entries.
//   threads   one
class WaitingProposals {
  public:
    explicit WaitingProposals(Answers& answers) : answers_(answers) {}

    void add(Term term, Index index, ProposalDone done);

    // The entry (term, index) was applied, and the state machine said this. What a leader of an
    // earlier term put at that index or later is lost: terms do not fall along a log (Raft 3.6.1),
    // and no log without this entry will ever rule.
    void applied(Term term, Index index, std::string said);
    // The state machine became that of a snapshot: of what was applied up to `index` the answers
    // are not known.
    void restored(Term term, Index index);
    // Those of other terms than that led now (0: none) have until `wait` later to learn their fate.
    void expire(base::SteadyTime now, base::Duration wait, Term led);
    void fail_all(const base::Error& error);

    [[nodiscard]] size_t size() const { return waiting_.size(); }

  private:
    struct Waiting {
        ProposalDone done;
        std::optional<base::SteadyTime> given_up;  // when; nothing: its leader leads
    };

    using Key = std::pair<Term, Index>;
    using Map = std::map<Key, Waiting>;

    void lose_older(Term term);
    // returns  the next one
    Map::iterator answer(Map::iterator one, base::Result<std::string> answer);

    Answers& answers_;
    Map waiting_;
};

// WaitingReads: first until the group has confirmed that the leader leads, then until the state
// machine is where it was.
//   threads   one
class WaitingReads {
  public:
    explicit WaitingReads(Answers& answers) : answers_(answers) {}

    // returns  the context to ask the core with
    [[nodiscard]] uint64_t add(ReadDone done);
    // Waits no longer. There is one of that context, not confirmed.
    [[nodiscard]] ReadDone take(uint64_t context);
    // Leadership was lost meanwhile.
    void failed(uint64_t context, const base::Error& error);
    void ready(uint64_t context, Index index, Index applied);
    void applied(Index index);
    void fail_all(const base::Error& error);

    [[nodiscard]] size_t size() const { return asked_.size() + confirmed_.size(); }

  private:
    Answers& answers_;
    uint64_t last_context_ = 0;
    std::map<uint64_t, ReadDone> asked_;        // by context
    std::multimap<Index, ReadDone> confirmed_;  // by the index that has to be applied
};

}  // namespace shard::raft

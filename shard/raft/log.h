// The replicated log as a member holds it in memory: the entries behind the last cut, and how far
// they have got on their way to the disk.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "shard/raft/types.h"

namespace shard::raft {

// Indexes stay far below what would wrap around.
inline constexpr Index kIndexMax = Index{1} << 62;
inline constexpr Term kTermMax = Term{1} << 62;

// Entries of consecutive indexes and never falling terms (Raft 3.5).
//   invariant   begin() - 1 <= durable() <= handed() <= last()
class Log {
  public:
    // What the disk has: all of it is durable.
    explicit Log(Stored& stored);

    [[nodiscard]] Index begin() const { return begin_; }

    // begin() - 1 when there are no entries.
    [[nodiscard]] Index last() const { return begin_ + entries_.size() - 1; }

    // Up to here the disk has what the log has.
    [[nodiscard]] Index durable() const { return durable_; }

    // Up to here it is durable or under way.
    [[nodiscard]] Index handed() const { return handed_; }

    [[nodiscard]] size_t bytes() const { return bytes_; }

    [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }

    // Nothing: not in the log, nor known of the entry just before it.
    [[nodiscard]] std::optional<Term> term(Index index) const;
    [[nodiscard]] Term last_term() const;
    [[nodiscard]] bool has(Index index, Term term) const;

    // The last entry at or before `index` whose term is not above `term`, or is not known here: a
    // log that has an entry of `term` at `index` may be the same up to there, and cannot be
    // further.
    [[nodiscard]] Index last_not_above(Index index, Term term) const;

    // Entries from..to, all in the log.
    [[nodiscard]] std::span<const Entry> range(Index from, Index to) const;
    // Entries from `from` on, of `bytes` together at most, or one; none for 0 bytes.
    [[nodiscard]] std::span<const Entry> from(Index from, size_t bytes) const;
    [[nodiscard]] size_t bytes_after(Index index) const;

    void append(Entry entry);
    // Drops the entries from `index` on, which lie after `commit`.
    void truncate(Index index, Index commit);
    // Entries that nobody has handed to the disk yet.
    [[nodiscard]] std::vector<Entry> hand_out();
    void made_durable(Index index);

    // Forgets the entries before `begin`, of which begin - 1 is in the log.
    void cut(Index begin);
    // Becomes what follows a snapshot: empty.
    void reset(Index index, Term term);

  private:
    [[nodiscard]] size_t slot(Index index) const { return static_cast<size_t>(index - begin_); }

    Index begin_ = 1;
    std::optional<Term> before_term_;  // of begin_ - 1
    std::vector<Entry> entries_;
    Index handed_ = 0;
    Index durable_ = 0;
    size_t bytes_ = 0;
};

}  // namespace shard::raft

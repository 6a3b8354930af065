// Configurations: what makes one valid, the one difference that a change may make, and those that
// the log holds.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "shard/raft/types.h"

namespace shard::raft {

// A voter at least; members sorted by id, each once and within the limits.
//   errors  kInvalid, naming what is wrong
[[nodiscard]] base::Status validate(const Configuration& configuration);

// Whether one change leads from one to the other: a member added, removed, promoted, demoted, or
// spoken to at another address. Majorities of the two then overlap (Raft 4.1).
//   errors  kInvalid
[[nodiscard]] base::Status check_change(const Configuration& from, const Configuration& to);

// The configurations of the log, oldest first: the newest rules, and comes off again with its
// entry.
class Configurations {
  public:
    // As of `index`, committed.
    Configurations(Index index, Configuration configuration);

    [[nodiscard]] const Configuration& newest() const { return held_.back().configuration; }

    // Of its entry, or of the snapshot that it came with.
    [[nodiscard]] Index newest_index() const { return held_.back().index; }

    // The one that ruled when the entry `index` was the last, which is not before the first.
    [[nodiscard]] const Configuration& at(Index index) const;

    // Whether it has a vote in the one that rules once `commit` is committed, or in a later one.
    [[nodiscard]] bool has_voter(MemberId id, Index commit) const;

    void push(Index index, Configuration configuration);
    // The entries from `index` on are gone.
    void truncate(Index index);
    // Nobody asks for what ruled before `index` any more.
    void cut(Index index);
    void reset(Index index, Configuration configuration);

  private:
    struct Held {
        Index index = 0;
        Configuration configuration;
    };

    std::vector<Held> held_;  // never empty
};

}  // namespace shard::raft

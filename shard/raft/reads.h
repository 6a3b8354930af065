// Reads that wait for a majority to say that the leader still leads (Raft 6.4).
#pragma once

#include <deque>
#include <utility>
#include <vector>

#include "shard/raft/core.h"

namespace shard::raft {

inline constexpr size_t kReadsMax = 4096;  // that wait

class Reads {
  public:
    [[nodiscard]] bool full() const { return waiting_.size() >= kReadsMax; }

    // What is committed up to `index` is what it must see.
    void add(uint64_t context, Index index);
    // Whether a heartbeat round should begin for them: one at a time.
    [[nodiscard]] bool want_round() const;
    // Heartbeat round `round` begins: it confirms what was asked before.
    void begin_round(uint64_t round);
    // A majority has answered `round`, or a later one.
    void confirm(uint64_t round);
    // Leadership is lost.
    void fail();

    [[nodiscard]] bool have_output() const { return !ready_.empty() || !failed_.empty(); }

    [[nodiscard]] std::vector<ReadReady> take_ready() { return std::exchange(ready_, {}); }

    [[nodiscard]] std::vector<uint64_t> take_failed() { return std::exchange(failed_, {}); }

  private:
    struct Waiting {
        ReadReady read;
        uint64_t round = 0;  // that confirms it; 0: has not begun
    };

    std::deque<Waiting> waiting_;  // by round, those without one last
    std::vector<ReadReady> ready_;
    std::vector<uint64_t> failed_;
};

}  // namespace shard::raft

// What a member writes to the log about its group: elections, leaders, members, snapshots.
#pragma once

#include <optional>

#include "base/clock.h"
#include "base/log.h"
#include "base/rate_limit.h"
#include "shard/raft/core.h"
#include "shard/raft/types.h"

namespace shard::raft {

// Compares what the core is at with what was said last. Campaigns of a member that nobody answers
// repeat, and are said once in a while.
//   threads   one
class Journal {
  public:
    // `clock` is borrowed.
    Journal(base::Logger log, const base::Clock& clock) : log_(std::move(log)), clock_(clock) {}

    void started(const Core& core, const Stored& stored);
    void look(const Core& core);
    void snapshot_taken(const SnapshotMeta& meta);
    void snapshot_sent(const SnapshotSend& send);
    void snapshot_too_large(size_t bytes);
    void snapshot_restored(const SnapshotMeta& meta);
    void disk_failed(const base::Error& error);

  private:
    void look_at_state(const Core& core);
    void look_at_members(const Core& core);

    base::Logger log_;
    const base::Clock& clock_;
    base::RateLimit campaigns_{std::chrono::seconds(10)};
    base::RateLimit sendings_{std::chrono::seconds(10)};
    base::RateLimit too_large_{std::chrono::minutes(1)};
    State state_ = State::kFollower;
    MemberId leader_ = kNobody;
    Configuration configuration_;
};

}  // namespace shard::raft

// What the disk of a raft member has, and the way to it.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "shard/raft/driver.h"
#include "shard/raft/types.h"
#include "test/sim/disk.h"
#include "test/sim/world.h"

namespace sim {

namespace raft = shard::raft;

class RaftChecks;

// It outlives the member's program, and what is in it was made durable.
class RaftDisk {
  public:
    // All of it or, at a kill, nothing.
    void commit(const raft::Persist& batch);

    [[nodiscard]] raft::Stored stored() const;

    [[nodiscard]] const raft::HardState& hard_state() const { return hard_state_; }

    [[nodiscard]] const std::optional<raft::SnapshotMeta>& snapshot() const { return snapshot_; }

    [[nodiscard]] const std::shared_ptr<const std::string>& snapshot_data() const {
        return snapshot_data_;
    }

    [[nodiscard]] raft::Index last() const { return log_begin_ + entries_.size() - 1; }

    // 0: not there.
    [[nodiscard]] raft::Term term_at(raft::Index index) const;
    // The entry, or a snapshot with it.
    [[nodiscard]] bool has(raft::Index index, raft::Term term) const;

  private:
    void replace_from(const std::vector<raft::Entry>& entries);
    void receive(const raft::SnapshotChunk& chunk);
    void install();
    void save(const raft::SavedSnapshot& snapshot);

    raft::HardState hard_state_;
    std::optional<raft::SnapshotMeta> snapshot_;
    std::shared_ptr<const std::string> snapshot_data_;
    raft::Index log_begin_ = 1;
    std::deque<raft::Entry> entries_;
    std::optional<raft::SnapshotMeta> receiving_;
    std::string received_;
};

// RaftStorage on a simulated disk.
class SimRaftStorage final : public raft::RaftStorage {
  public:
    SimRaftStorage(Disk& disk, RaftDisk& content, RaftChecks& checks, ProcessId process)
        : disk_(disk), content_(content), checks_(checks), process_(process) {}

    [[nodiscard]] base::Result<raft::Stored> load() override { return content_.stored(); }

    void persist(raft::Persist batch, Done done) override;
    [[nodiscard]] base::Result<std::string> snapshot_bytes(const raft::SnapshotMeta& meta,
                                                           uint64_t offset,
                                                           size_t bytes) override;
    [[nodiscard]] base::Result<std::string> installed_snapshot(
        const raft::SnapshotMeta& meta) override;

  private:
    Disk& disk_;
    RaftDisk& content_;
    RaftChecks& checks_;
    ProcessId process_;
};

}  // namespace sim

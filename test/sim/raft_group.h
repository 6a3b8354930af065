// The members of a simulated raft group, with their disks and the network between them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "shard/raft/driver.h"
#include "test/sim/disk.h"
#include "test/sim/faults.h"
#include "test/sim/network.h"
#include "test/sim/raft_checks.h"
#include "test/sim/raft_disk.h"
#include "test/sim/raft_member.h"
#include "test/sim/world.h"

namespace sim {

struct GroupOptions {
    uint32_t voters = 3;
    uint32_t learners = 0;
    raft::DriverOptions driver;
    size_t padding = 0;  // of snapshots, in bytes
};

class RaftGroup final : public FaultHost {
  public:
    RaftGroup(World& world, Network& network, RaftChecks& checks, const GroupOptions& options);
    ~RaftGroup() override;

    // Kills all: calls that wait are answered now, while those who asked are still there.
    void shut_down();

    // Its first member has founded it, the others have empty disks; all of them run.
    void found();
    // A new process with an empty disk that runs and belongs to no group yet.
    [[nodiscard]] raft::Member join(raft::Role role);

    // Null: it is down, or paused.
    [[nodiscard]] RaftMember* member(ProcessId process) const;
    // Whoever leads in the newest term, if it is up and its disk works; else null.
    [[nodiscard]] RaftMember* leader() const;
    // All who think that they lead.
    [[nodiscard]] std::vector<RaftMember*> leaders() const;

    // Of those with a configuration without `process`, nobody will miss it: it never runs again.
    void retire(ProcessId process);

    [[nodiscard]] bool retired(ProcessId process) const { return nodes_[process]->retired; }

    [[nodiscard]] bool lost(ProcessId process) const { return nodes_[process]->lost; }

    // A member whose disk is gone stands in `configuration`.
    [[nodiscard]] bool has_lost(const raft::Configuration& configuration) const;

    // --- for faults ---
    [[nodiscard]] std::vector<ProcessId> targets() override;
    [[nodiscard]] ProcessId leading() override;

    [[nodiscard]] Disk& disk(ProcessId process) override { return *nodes_[process]->disk; }

    void crash(ProcessId process) override;
    void restart(ProcessId process) override;
    bool lose_disk(ProcessId process) override;

  private:
    struct Node {
        RaftDisk content;
        std::unique_ptr<Disk> disk;
        bool lost = false;
        bool retired = false;
    };

    ProcessId add_process();
    [[nodiscard]] bool may_lose(ProcessId process) const;

    World& world_;
    Network& network_;
    RaftChecks& checks_;
    GroupOptions options_;
    std::vector<std::unique_ptr<Node>> nodes_;
};

}  // namespace sim

// The nodes of a simulated cluster, with their machines and the network between them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "test/sim/cluster_checks.h"
#include "test/sim/cluster_node.h"
#include "test/sim/cluster_plan.h"
#include "test/sim/cluster_sessions.h"
#include "test/sim/faults.h"

namespace sim {

class ClusterHost final : public FaultHost, public ClusterPlace {
  public:
    struct Parts {
        World& world;
        Network& network;
        ClusterTargets& targets;
        RaftChecks& raft_checks;
        ClusterChecks& checks;
    };

    ClusterHost(const ClusterPlan& plan, const Parts& parts);
    ~ClusterHost() override;

    // Kills all: what waits is answered while those who asked are still there.
    void shut_down();
    // Those of --cluster.join start, not quite together.
    void start();
    // Another node starts for the first time. kNoProcess: there is none left.
    ProcessId join();

    // Null: it is down, or paused.
    [[nodiscard]] ClusterNode* node(ProcessId process) const;

    [[nodiscard]] ClusterMachine& machine(ProcessId process) { return *machines_[process]; }

    [[nodiscard]] size_t machines() const { return machines_.size(); }

    // Whoever leads in the newest term, and knows it; else null.
    [[nodiscard]] ClusterNode* leader() const;
    // How many think so.
    [[nodiscard]] size_t leaders() const;

    // Disks ever lost.
    [[nodiscard]] size_t lost() const { return lost_; }

    // It stops as it does when it is asked to, and is started again after `length`.
    void stop(ProcessId process, Time length);

    // Whether it was asked to, and is up still.
    [[nodiscard]] bool stops(ProcessId process) const {
        return stopped_lives_[process] == lives_[process] + 1;
    }

    // All nodes load another configuration, within `spread`.
    void reload(Time spread);
    // Nodes hear of what discovery says of the job now, each after its time.
    void discovered(uint32_t job);

    // --- for faults ---
    [[nodiscard]] std::vector<ProcessId> targets() override;
    [[nodiscard]] ProcessId leading() override;
    [[nodiscard]] bool votes(ProcessId process) override;

    [[nodiscard]] Disk& disk(ProcessId process) override { return *machines_[process]->disk; }

    void crash(ProcessId process) override;
    void restart(ProcessId process) override;
    bool lose_disk(ProcessId process) override;

    // --- ClusterPlace ---
    [[nodiscard]] ProcessId by_address(const std::string& address) const override;
    [[nodiscard]] ProcessId by_member(raft::MemberId id) const override;
    [[nodiscard]] shard::MemberOptions options(const ClusterMachine& machine) const override;

    [[nodiscard]] size_t voters() const override { return plan_.voters; }

  private:
    void add_machine();
    void new_disk(ClusterMachine& machine);
    [[nodiscard]] bool may_lose() const;
    void await_stop(ProcessId process, uint64_t life, Time length);

    const ClusterPlan& plan_;
    const Parts parts_;
    base::SeededRandom random_;
    ClusterSessions sessions_;
    std::vector<std::unique_ptr<ClusterDisk>> disks_;  // by slot; none ever goes
    std::vector<ProcessId> owners_;                    // of slots
    std::vector<std::unique_ptr<ClusterMachine>> machines_;
    std::vector<uint64_t> lives_;          // of machines
    std::vector<uint64_t> stopped_lives_;  // the last that was asked to stop, and one; 0: none
    std::vector<std::string> join_;
    uint64_t configurations_ = 0;  // that were given out
    ClusterParts node_parts_;
    size_t lost_ = 0;
};

}  // namespace sim

// What happens to a simulated cluster besides faults: targets change, and people steer it.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "shard/assignment/edits.h"
#include "test/sim/cluster_checks.h"
#include "test/sim/cluster_host.h"
#include "test/sim/cluster_plan.h"
#include "test/sim/cluster_targets.h"
#include "test/sim/world.h"

namespace sim {

class ClusterOperator {
  public:
    ClusterOperator(World& world,
                    ClusterHost& host,
                    ClusterTargets& targets,
                    ClusterChecks& checks,
                    uint64_t budget);

    // Those of `round`, from now on.
    void begin(const std::vector<ClusterEvent>& events, uint32_t round);
    // Ends everything that goes on, and lets nothing of it happen later. What the table must
    // forget (draining, a pause) is asked for by restore().
    void heal();
    // Asks the leader to make every node active and to go on. Again and again, until it is so.
    void restore();
    // Asks the leader; nothing when there is none.
    void edit(const shard::Edit& edit);

    // When the size of any target changed last.
    [[nodiscard]] Time loads_changed() const { return loads_changed_; }

    void load_changes() { loads_changed_ = world_.now(); }

  private:
    void carry_out(const ClusterEvent& event);
    void change_target(const ClusterEvent& event);
    void change_discovery(const ClusterEvent& event);
    void steer(const ClusterEvent& event);
    void move_one(const ClusterEvent& event);
    void drain(const ClusterEvent& event);
    // Unless everything was healed meanwhile.
    void later(Time after, World::Task task);
    // Runs when it is time, or when everything is healed.
    void until(Time length, World::Task undo);

    World& world_;
    ClusterHost& host_;
    ClusterTargets& targets_;
    ClusterChecks& checks_;
    uint64_t budget_;
    uint64_t healed_ = 0;
    Time loads_changed_ = -std::chrono::hours(1);
    uint64_t undo_number_ = 0;
    std::map<uint64_t, World::Task> undo_;
};

}  // namespace sim

// An inventory as a leader sees it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "shard/inventory/inventory.h"
#include "shard/leader/ports.h"

namespace shard {

// That a target is said to have a predecessor: longer than a plan waits, by far.
inline constexpr std::chrono::minutes kPredecessorsKept{10};

// The one that takes the inventory's changes. What it says of which targets there are is of now;
// versions, predecessors and descriptions that changed are of the last step().
//   threads  one, the leader's
class InventoryTargets final : public DiscoveredTargets {
  public:
    explicit InventoryTargets(Inventory& inventory) : inventory_(inventory) {}

    // Call it before the leader looks; it also polls the inventory.
    //   returns  when to call it again if nothing is reported: Inventory::next()
    base::SteadyTime step(base::SteadyTime now);
    // This node does not lead any more: nothing is kept until the next step().
    void rest();

    [[nodiscard]] uint64_t version() const override { return version_; }

    [[nodiscard]] bool complete() const override { return !inventory_.cold(); }

    [[nodiscard]] bool awaited(std::string_view job) const override {
        return inventory_.awaited(job);
    }

    void for_each(const std::function<void(const WantedTarget&)>& visit) const override;
    [[nodiscard]] std::shared_ptr<const TargetDescriptor> descriptor(
        model::TargetId id) const override;
    [[nodiscard]] std::vector<model::TargetId> take_redescribed() override;

  private:
    struct Predecessor {
        model::TargetId id = 0;
        base::SteadyTime until{};
    };

    void learn(const InventoryChange& change, base::SteadyTime now);

    Inventory& inventory_;  // borrowed
    uint64_t version_ = 0;
    std::map<model::TargetId, Predecessor> predecessors_;  // by successor
    std::set<model::TargetId> redescribed_;
};

}  // namespace shard

#include "shard/inventory/inventory_targets.h"

#include <utility>

namespace shard {

base::SteadyTime InventoryTargets::step(base::SteadyTime now) {
    const base::SteadyTime again = inventory_.poll(now);
    std::erase_if(predecessors_, [now](const auto& one) { return one.second.until <= now; });
    learn(inventory_.take_changes(), now);
    return again;
}

void InventoryTargets::learn(const InventoryChange& change, base::SteadyTime now) {
    if (!change.added.empty() || !change.removed.empty()) {
        ++version_;
    }
    for (const model::TargetId id : change.removed) {
        predecessors_.erase(id);
        redescribed_.erase(id);
    }
    for (const AddedTarget& one : change.added) {
        if (one.predecessor) {
            predecessors_[one.id] = {.id = *one.predecessor, .until = now + kPredecessorsKept};
        }
    }
    redescribed_.insert(change.changed.begin(), change.changed.end());
}

void InventoryTargets::rest() {
    inventory_.restart_changes();
    ++version_;
    predecessors_.clear();
    redescribed_.clear();
}

void InventoryTargets::for_each(const std::function<void(const WantedTarget&)>& visit) const {
    inventory_.for_each([&](model::TargetId id, std::string_view job) {
        const auto before = predecessors_.find(id);
        visit({.id = id,
               .job = job,
               .predecessor = before == predecessors_.end() ? 0 : before->second.id});
    });
}

std::shared_ptr<const TargetDescriptor> InventoryTargets::descriptor(model::TargetId id) const {
    return inventory_.descriptor(id);
}

std::vector<model::TargetId> InventoryTargets::take_redescribed() {
    const std::set<model::TargetId> ids = std::exchange(redescribed_, {});
    return {ids.begin(), ids.end()};
}

}  // namespace shard

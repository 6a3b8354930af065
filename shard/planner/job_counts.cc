#include "shard/planner/job_counts.h"

namespace shard {

uint32_t* JobCounts::row(uint32_t job) {
    const auto found = rows_.find(job);
    return found == rows_.end() ? nullptr : &cells_[found->second * state_.nodes().size()];
}

void JobCounts::build() {
    built_ = true;
    const size_t nodes = state_.nodes().size();
    for (const SlotRef& slot : state_.orphans()) {
        rows_.try_emplace(state_.target(slot.target).job, static_cast<uint32_t>(rows_.size()));
        if (rows_.size() * nodes > kCellsMax) {
            rows_.clear();
            return;
        }
    }
    cells_.resize(rows_.size() * nodes);
    for (const PlanTarget& target : state_.input().targets) {
        for (uint8_t slot = 0; slot < target.slots; ++slot) {
            const uint32_t owner = state_.owners()[target.first_owner + slot];
            if (uint32_t* its = owner == kNoOwner ? nullptr : row(target.job)) {
                ++its[owner];
            }
        }
    }
}

const uint32_t* JobCounts::of(uint32_t job) {
    if (!built_) {
        build();
    }
    return row(job);
}

void JobCounts::add(uint32_t job, uint32_t node) {
    if (uint32_t* its = row(job)) {
        ++its[node];
    }
}

}  // namespace shard

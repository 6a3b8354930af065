#include "shard/planner/job_counts.h"

#include <utility>

namespace shard {

uint32_t JobRows::add(uint32_t job) {
    Cell& its = cells_[cell(job)];
    if (its.row != kNone) {
        return its.row;
    }
    const auto row = static_cast<uint32_t>(size_++);
    its = {job, row};
    if (2 * size_ > cells_.size()) {
        grow();
    }
    return row;
}

void JobRows::grow() {
    const std::vector<Cell> before = std::move(cells_);
    cells_ = std::vector<Cell>(2 * before.size());
    --shift_;
    for (const Cell& one : before) {
        if (one.row != kNone) {
            cells_[cell(one.job)] = one;
        }
    }
}

uint32_t* JobCounts::row(uint32_t job) {
    const uint32_t row = rows_.find(job);
    return row == JobRows::kNone ? nullptr : &cells_[row * state_.nodes().size()];
}

void JobCounts::build() {
    built_ = true;
    const size_t nodes = state_.nodes().size();
    for (const Orphan& orphan : state_.orphans()) {
        rows_.add(orphan.job);
        if (rows_.size() * nodes > kCellsMax) {
            rows_ = {};
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

#include "shard/session/holdings.h"

#include <utility>

namespace shard {
namespace {

bool same(const AssignedTarget& a, const AssignedTarget& b) {
    return a.slot == b.slot && a.slots == b.slots && a.holding == b.holding &&
           a.exclusive == b.exclusive && a.since == b.since && *a.descriptor == *b.descriptor;
}

}  // namespace

void HeldTargets::restore(std::vector<AssignedTarget> targets) {
    targets_.clear();
    exclusive_.clear();
    digest_ = {};
    listed_.reset();
    for (AssignedTarget& target : targets) {
        const model::TargetId id = target.id;
        const auto [at, added] = targets_.try_emplace(id, std::move(target));
        if (added) {
            count(at->second, true);
        }
    }
}

HoldingChange HeldTargets::apply(const Assignment& assign) {
    HoldingChange change;
    if (assign.everything) {
        listed_.emplace();
    }
    for (const Release& release_one : assign.releases) {
        release(release_one.id, release_one.reason, change);
    }
    for (const AssignedTarget& target : assign.targets) {
        put(target, change);
        if (listed_.has_value()) {
            listed_->insert(target.id);
        }
    }
    if (assign.last && listed_.has_value()) {
        std::vector<model::TargetId> rest;
        for (const auto& [id, target] : targets_) {
            if (!listed_->contains(id)) {
                rest.push_back(id);
            }
        }
        for (const model::TargetId id : rest) {
            release(id, ReleaseReason::kMoved, change);
        }
        listed_.reset();
    }
    return change;
}

HoldingChange HeldTargets::release_all(ReleaseReason reason) {
    HoldingChange change;
    while (!targets_.empty()) {
        release(targets_.begin()->first, reason, change);
    }
    return change;
}

HoldingChange HeldTargets::release_exclusive() {
    HoldingChange change;
    while (!exclusive_.empty()) {
        release(*exclusive_.begin(), ReleaseReason::kMoved, change);
    }
    return change;
}

std::vector<Holdings> HeldTargets::list(size_t most) const {
    std::vector<Holdings> lists(1);
    for (const auto& [id, target] : targets_) {
        if (lists.back().targets.size() == most) {
            lists.back().last = false;
            lists.emplace_back();
        }
        lists.back().targets.push_back(
            {.id = id, .slot = target.slot, .holding = target.holding, .since = target.since});
    }
    return lists;
}

void HeldTargets::put(const AssignedTarget& target, HoldingChange& change) {
    const auto [at, added] = targets_.try_emplace(target.id, target);
    if (!added) {
        if (same(at->second, target)) {
            return;
        }
        count(at->second, false);
        at->second = target;
    }
    count(target, true);
    change.put.push_back(target);
}

void HeldTargets::release(model::TargetId id, ReleaseReason reason, HoldingChange& change) {
    const auto at = targets_.find(id);
    if (at == targets_.end()) {
        return;
    }
    count(at->second, false);
    targets_.erase(at);
    change.released.push_back({.id = id, .reason = reason});
}

void HeldTargets::count(const AssignedTarget& target, bool added) {
    if (target.exclusive && added) {
        exclusive_.insert(target.id);
    } else {
        exclusive_.erase(target.id);
    }
    const uint64_t hash = holding_hash(target.id, target.slot, target.holding, target.since);
    digest_.targets += added ? 1 : uint64_t{0} - 1;
    digest_.hash += added ? hash : uint64_t{0} - hash;
}

}  // namespace shard

#include "shard/assigned/assigned_targets.h"

#include <utility>
#include <vector>

namespace shard {
namespace {

// Whether a scraper would see no difference.
bool scraped_alike(const AssignedTarget& a, const AssignedTarget& b) {
    return a.slot == b.slot && a.slots == b.slots && a.holding == b.holding &&
           a.exclusive == b.exclusive &&
           (a.descriptor == b.descriptor || *a.descriptor == *b.descriptor);
}

}  // namespace

std::shared_ptr<const model::Target> AssignedTargets::make_target(
    const AssignedTarget& assigned) const {
    const TargetDescriptor& what = *assigned.descriptor;
    auto target = std::make_shared<model::Target>();
    target->id = assigned.id;
    target->job = what.job;
    target->labels = what.labels;
    target->discovered = what.discovered;
    target->url = what.url;
    target->unix_socket = what.unix_socket;
    target->interval = what.interval;
    target->timeout = what.timeout;
    target->slot = assigned.slot;
    target->slots = assigned.slots;
    target->on_trial = assigned.holding == Holding::kIncoming;
    target->at_once = assigned.holding == Holding::kStandIn;
    if (assigned.exclusive) {
        target->end = lease_;
    }
    return target;
}

void AssignedTargets::hold(const AssignedTarget& target) {
    loads_.hold(target.id, target.holding == Holding::kIncoming);
    const base::MutexLock lock(mutex_);
    const auto [at, added] = held_.try_emplace(target.id, target);
    const bool alike = !added && scraped_alike(at->second, target);
    at->second = target;
    if (!alike) {
        lists_.put(make_target(target), target.descriptor->over_target_limit);
    }
}

void AssignedTargets::release(model::TargetId id, ReleaseReason reason) {
    loads_.release(id);
    const base::MutexLock lock(mutex_);
    const auto at = held_.find(id);
    if (at == held_.end()) {
        return;
    }
    if (reason == ReleaseReason::kMoved) {
        lists_.hand_over(id);
    } else {
        lists_.remove(at->second.descriptor->job, id);
    }
    held_.erase(at);
}

void AssignedTargets::lease(base::SteadyTime until) {
    lease_->store(until.time_since_epoch().count(), std::memory_order_relaxed);
}

void AssignedTargets::tell() {
    const base::MutexLock telling(telling_);
    std::vector<std::shared_ptr<const model::ResolvedJob>> changes;
    model::TargetListener* listener = nullptr;
    {
        const base::MutexLock lock(mutex_);
        changes = lists_.take_changes();
        for (const auto& job : changes) {
            if (job->active.empty()) {
                told_.erase(job->job);
            } else {
                told_[job->job] = job;
            }
        }
        listener = listener_;
    }
    if (listener != nullptr) {
        for (auto& job : changes) {
            listener->targets_changed(std::move(job));
        }
    }
}

void AssignedTargets::listen(model::TargetListener* listener) {
    const base::MutexLock telling(telling_);
    std::map<std::string, std::shared_ptr<const model::ResolvedJob>> told;
    {
        const base::MutexLock lock(mutex_);
        listener_ = listener;
        told = told_;
    }
    if (listener != nullptr) {
        for (const auto& [name, job] : told) {
            listener->targets_changed(job);
        }
    }
}

void AssignedTargets::scraped(const model::ScrapeOutcome& outcome) {
    if (loads_.scraped(outcome)) {
        parts_.incoming(outcome);
    }
}

void AssignedTargets::for_each(const std::function<void(const AssignedTarget&)>& visit) const {
    std::vector<AssignedTarget> held;
    {
        const base::MutexLock lock(mutex_);
        held.reserve(held_.size());
        for (const auto& [id, target] : held_) {
            held.push_back(target);
        }
    }
    for (const AssignedTarget& target : held) {
        visit(target);
    }
}

}  // namespace shard

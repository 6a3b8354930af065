#include "shard/inventory/inventory_state.h"

#include <algorithm>
#include <utility>

#include <absl/container/flat_hash_map.h>

#include "shard/assignment/names.h"

namespace shard {

namespace {

using Target = InventoryState::Target;

constexpr size_t kJobsNamedMax = 5;  // in one message

std::string problem_of(const std::string& job) {
    const base::Status named = check_name("the job's name", job);
    return named.has_error() ? named.error().message() : std::string();
}

// The target of this id, when it counts; null: there is none.
const Target* find_in(const InventoryJob& job, model::TargetId id) {
    const auto counted = job.counted();
    const auto found = std::ranges::lower_bound(counted, id, {}, &ListedTarget::id);
    return found != counted.end() && found->id == id ? &found->target : nullptr;
}

}  // namespace

struct InventoryState::Maps {
    absl::flat_hash_map<model::TargetId, Job*> index;  // of all targets, also what does not count
    // What may differ from what was taken, as it was then. Empty while nothing was taken.
    absl::flat_hash_map<model::TargetId, Known> noted;
};

InventoryState::InventoryState(const InventoryOptions& options)
    : options_(options), maps_(std::make_unique<Maps>()) {}

InventoryState::~InventoryState() = default;

// --- jobs
// ----------------------------------------------------------------------------------------

void InventoryState::configure(std::span<const JobHash> jobs, base::SteadyTime now, Waste& waste) {
    std::set<std::string_view> wanted;
    for (const JobHash& job : jobs) {
        wanted.insert(job.job);
    }
    drop_others(wanted, waste);
    for (const JobHash& job : jobs) {
        auto& slot = jobs_[job.job];
        if (slot == nullptr) {
            slot = std::make_unique<Job>();
            slot->name = job.job;
            slot->problem = problem_of(job.job);
            in_order_.push_back(slot.get());
        }
        slot->configuration = job.hash;
    }
    share_out();
    started_ = started_.value_or(now);
    warm_up(now);
}

void InventoryState::drop_others(const std::set<std::string_view>& wanted, Waste& waste) {
    const auto gone = [&](const Job* job) { return !wanted.contains(job->name); };
    for (Job* const job : in_order_) {
        if (!gone(job)) {
            continue;
        }
        for (size_t at = 0; at < job->targets.size(); ++at) {
            leave(*job, at);
        }
        total_ -= job->taken;
        waste.push_back(std::move(job->targets));
    }
    // Before the jobs themselves go, whose names are asked.
    std::erase_if(in_order_, gone);
    std::erase_if(jobs_, [&](const auto& job) { return gone(job.second.get()); });
}

void InventoryState::report(const model::ResolvedJob& resolved,
                            TargetList list,
                            base::SteadyTime now,
                            Waste& waste) {
    const auto found = jobs_.find(resolved.job);
    if (found == jobs_.end()) {
        waste.push_back(std::move(list.targets));
        return;
    }
    Job& job = *found->second;
    job.reported = true;
    warm_up(now);
    const bool suspicious = resolved.active.empty() &&
                            job.targets.size() > options_.hold.more_than &&
                            job.configuration == job.reported_with;
    if (suspicious) {
        job.held_until = job.held_until.value_or(now + options_.hold.time);
        return;
    }
    job.held_until.reset();
    job.reported_with = job.configuration;
    if (job.problem.empty()) {
        replace(job, std::move(list), waste);
    }
    job.over_target_limit = resolved.over_target_limit;  // after what was is noted
    share_out();
}

// Both lists are by id: one pass over the two.
void InventoryState::replace(Job& job, TargetList list, Waste& waste) {
    std::vector<ListedTarget>& after = list.targets;
    size_t before_at = 0;
    size_t kept = 0;
    for (ListedTarget& one : after) {
        while (before_at < job.targets.size() && job.targets[before_at].id < one.id) {
            leave(job, before_at++);
        }
        if (before_at < job.targets.size() && job.targets[before_at].id == one.id) {
            stay(job, before_at++, one.details);
        } else if (!come(job, one.id)) {
            continue;
        }
        std::swap(after[kept++], one);
    }
    while (before_at < job.targets.size()) {
        leave(job, before_at++);
    }
    job.duplicates = list.duplicates + after.size() - kept;
    job.too_large = list.too_large;
    after.erase(after.begin() + static_cast<ptrdiff_t>(kept), after.end());
    std::swap(job.targets, after);
    waste.push_back(std::move(after));
    total_ = total_ - job.taken + job.targets.size();
    job.taken = job.targets.size();
}

void InventoryState::leave(const Job& job, size_t at) {
    const ListedTarget& one = job.targets[at];
    maps_->index.erase(one.id);
    if (at < job.taken) {
        note(job, one.id, one.target);
    }
}

// In a job that had too many, also what is the same may begin or cease to count.
void InventoryState::stay(const Job& job, size_t at, uint64_t details) {
    const ListedTarget& one = job.targets[at];
    if (one.details != details || job.taken < job.targets.size()) {
        note(job, one.id, at < job.taken ? one.target : nullptr);
    }
}

// False: another job has one of this id.
bool InventoryState::come(Job& job, model::TargetId id) {
    if (!maps_->index.try_emplace(id, &job).second) {
        return false;
    }
    note(job, id, nullptr);
    return true;
}

// --- the limit
// -----------------------------------------------------------------------------------------

void InventoryState::share_out() {
    size_t room = options_.targets_max;
    for (Job* const job : in_order_) {
        const size_t taken = std::min(job->targets.size(), room);
        for (size_t at = taken; at < job->taken; ++at) {
            note(*job, job->targets[at].id, job->targets[at].target);
        }
        for (size_t at = job->taken; at < taken; ++at) {
            note(*job, job->targets[at].id, nullptr);
        }
        total_ = total_ - job->taken + taken;
        job->taken = taken;
        room -= taken;
    }
}

base::Status InventoryState::check_limit() const {
    size_t targets = 0;
    size_t jobs = 0;
    std::string names;
    for (const Job* const job : in_order_) {
        if (job->taken == job->targets.size()) {
            continue;
        }
        targets += job->targets.size() - job->taken;
        if (++jobs <= kJobsNamedMax) {
            names += (jobs == 1 ? "\"" : ", \"") + job->name + "\"";
        }
    }
    if (targets == 0) {
        return base::success();
    }
    if (jobs > kJobsNamedMax) {
        names += " and " + std::to_string(jobs - kJobsNamedMax) + " more";
    }
    return base::fail(base::Code::kLimit,
                      "a cluster takes",
                      options_.targets_max,
                      "targets at most;",
                      targets,
                      "are not scraped, of the jobs that were added last (" + names +
                          "); drop targets by relabelling, or move jobs to another cluster");
}

// --- time
// ----------------------------------------------------------------------------------------

void InventoryState::poll(base::SteadyTime now, Waste& waste) {
    for (Job* const job : in_order_) {
        if (job->held_until && *job->held_until <= now) {
            job->held_until.reset();
            replace(*job, {}, waste);
        }
    }
    share_out();
    warm_up(now);
}

void InventoryState::warm_up(base::SteadyTime now) {
    if (warm_ || !started_) {
        return;
    }
    const bool all = std::ranges::all_of(in_order_, [](const Job* job) { return job->reported; });
    warm_ = all || now >= *started_ + options_.first_reports;
}

base::SteadyTime InventoryState::next() const {
    base::SteadyTime when = base::SteadyTime::max();
    if (!warm_ && started_) {
        when = *started_ + options_.first_reports;
    }
    for (const Job* const job : in_order_) {
        when = std::min(when, job->held_until.value_or(base::SteadyTime::max()));
    }
    return when;
}

// --- changes
// -------------------------------------------------------------------------------------------

void InventoryState::note(const Job& job, model::TargetId id, const Target& before) {
    if (taken_once_) {
        maps_->noted.try_emplace(id, Known{before, job.over_target_limit});
    }
}

std::vector<TargetDifference> InventoryState::take() {
    std::vector<TargetDifference> differences;
    if (taken_once_) {
        differences.reserve(maps_->noted.size());
        for (auto& [id, before] : maps_->noted) {
            Known now = known(id);
            differences.push_back(
                {.id = id,
                 .before = std::move(before.target),
                 .now = std::move(now.target),
                 .other_limit = before.over_target_limit != now.over_target_limit});
        }
    } else {
        differences.reserve(total_);
        for (const Job* const job : in_order_) {
            for (const ListedTarget& one : job->counted()) {
                differences.push_back({.id = one.id, .before = nullptr, .now = one.target});
            }
        }
    }
    maps_->noted = {};  // gives its memory back, too
    taken_once_ = true;
    return differences;
}

void InventoryState::restart() {
    maps_->noted = {};
    taken_once_ = false;
}

// --- looks
// -----------------------------------------------------------------------------------------

InventoryState::Known InventoryState::known(model::TargetId id) const {
    const auto found = maps_->index.find(id);
    const Target* const target =
        found == maps_->index.end() ? nullptr : find_in(*found->second, id);
    return target == nullptr ? Known{} : Known{*target, found->second->over_target_limit};
}

const InventoryJob* InventoryState::job(std::string_view name) const {
    const auto found = jobs_.find(name);
    return found == jobs_.end() ? nullptr : found->second.get();
}

std::vector<const InventoryJob*> InventoryState::jobs() const {
    std::vector<const Job*> all;
    all.reserve(jobs_.size());
    for (const auto& [name, job] : jobs_) {
        all.push_back(job.get());
    }
    return all;
}

size_t InventoryState::memory_bytes() const {
    size_t bytes = maps_->index.capacity() * (sizeof(*maps_->index.begin()) + 1) +
                   maps_->noted.capacity() * (sizeof(*maps_->noted.begin()) + 1);
    for (const auto& [name, job] : jobs_) {
        bytes += sizeof(Job) + 2 * name.capacity() + job->targets.capacity() * sizeof(ListedTarget);
    }
    return bytes;
}

}  // namespace shard

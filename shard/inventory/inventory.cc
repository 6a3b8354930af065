#include "shard/inventory/inventory.h"

#include <algorithm>
#include <utility>

#include "base/sync.h"
#include "shard/inventory/inventory_state.h"
#include "shard/inventory/target_list.h"

namespace shard {

namespace {

TargetDescriptor describe_target(const model::Target& target, bool over_target_limit) {
    return {.job = target.job,
            .labels = target.labels,
            .discovered = target.discovered,
            .url = target.url,
            .unix_socket = target.unix_socket,
            .interval = target.interval,
            .timeout = target.timeout,
            .over_target_limit = over_target_limit};
}

}  // namespace

struct Inventory::Parts {
    Parts(const base::Clock& time, const InventoryOptions& how)
        : clock(time), key(how.key), state(how) {}

    const base::Clock& clock;
    model::TargetId (*const key)(const model::Target&);
    mutable base::Mutex mutex;
    InventoryState state GUARDED_BY(mutex);
};

Inventory::Inventory(const base::Clock& clock, const InventoryOptions& options)
    : parts_(std::make_unique<Parts>(clock, options)) {}

Inventory::~Inventory() = default;

void Inventory::jobs_configured(std::span<const JobHash> jobs) {
    InventoryWaste waste;  // before the lock: it goes after it
    const base::MutexLock lock(parts_->mutex);
    parts_->state.configure(jobs, parts_->clock.steady(), waste);
}

void Inventory::targets_changed(std::shared_ptr<const model::ResolvedJob> job) {
    TargetList list = list_targets(*job, parts_->key);
    InventoryWaste waste;
    const base::MutexLock lock(parts_->mutex);
    parts_->state.report(*job, std::move(list), parts_->clock.steady(), waste);
}

base::SteadyTime Inventory::poll(base::SteadyTime now) {
    InventoryWaste waste;
    const base::MutexLock lock(parts_->mutex);
    parts_->state.poll(now, waste);
    return parts_->state.next();
}

base::SteadyTime Inventory::next() const {
    const base::MutexLock lock(parts_->mutex);
    return parts_->state.next();
}

bool Inventory::cold() const {
    const base::MutexLock lock(parts_->mutex);
    return !parts_->state.warm();
}

bool Inventory::awaited(std::string_view job) const {
    const base::MutexLock lock(parts_->mutex);
    const InventoryJob* const found = parts_->state.job(job);
    return found != nullptr && !found->reported;
}

InventoryChange Inventory::take_changes() {
    std::vector<TargetDifference> differences;
    {
        const base::MutexLock lock(parts_->mutex);
        differences = parts_->state.take();
    }
    std::ranges::sort(differences, {}, &TargetDifference::id);
    return describe(differences);
}

void Inventory::restart_changes() {
    const base::MutexLock lock(parts_->mutex);
    parts_->state.restart();
}

std::shared_ptr<const TargetDescriptor> Inventory::descriptor(model::TargetId id) const {
    InventoryState::Known known;
    {
        const base::MutexLock lock(parts_->mutex);
        known = parts_->state.known(id);
    }
    return known.target == nullptr ? nullptr
                                   : std::make_shared<const TargetDescriptor>(
                                         describe_target(*known.target, known.over_target_limit));
}

bool Inventory::has(model::TargetId id) const {
    const base::MutexLock lock(parts_->mutex);
    return parts_->state.find(id) != nullptr;
}

size_t Inventory::size() const {
    const base::MutexLock lock(parts_->mutex);
    return parts_->state.size();
}

std::vector<Inventory::JobIds> Inventory::ids() const {
    const base::MutexLock lock(parts_->mutex);
    std::vector<JobIds> all;
    for (const InventoryJob* const job : parts_->state.jobs()) {
        JobIds& one = all.emplace_back(JobIds{.job = job->name, .ids = {}});
        one.ids.reserve(job->taken);
        for (const ListedTarget& target : job->counted()) {
            one.ids.push_back(target.id);
        }
    }
    return all;
}

std::vector<JobInventory> Inventory::jobs() const {
    const base::MutexLock lock(parts_->mutex);
    std::vector<JobInventory> all;
    for (const InventoryJob* const job : parts_->state.jobs()) {
        all.push_back({.job = job->name,
                       .targets = job->taken,
                       .left_out = job->targets.size() - job->taken,
                       .duplicates = job->duplicates,
                       .too_large = job->too_large,
                       .reported = job->reported,
                       .held = job->held_until.has_value(),
                       .over_target_limit = job->over_target_limit,
                       .problem = job->problem});
    }
    return all;
}

base::Status Inventory::check_limit() const {
    const base::MutexLock lock(parts_->mutex);
    return parts_->state.check_limit();
}

size_t Inventory::memory_bytes() const {
    const base::MutexLock lock(parts_->mutex);
    return parts_->state.memory_bytes();
}

}  // namespace shard

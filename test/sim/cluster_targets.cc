#include "test/sim/cluster_targets.h"

#include <charconv>
#include <cmath>
#include <set>
#include <utility>

#include "shard/inventory/target_key.h"

namespace sim {

ClusterTargets::ClusterTargets(World& world, const std::vector<JobPlan>& jobs, base::Random& random)
    : world_(world), jobs_(jobs), empty_(jobs.size()), random_(random.u64()) {
    for (uint32_t job = 0; job < jobs_.size(); ++job) {
        add(job, jobs_[job].targets);
    }
}

const JobPlan& ClusterTargets::job_of(std::string_view name) const {
    uint32_t job = 0;
    std::from_chars(name.data() + 3, name.data() + name.size(), job);
    return jobs_.at(job);
}

void ClusterTargets::add(uint32_t job, uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) {
        auto made = std::make_shared<model::Target>();
        const std::string address = "t" + std::to_string(targets_.size()) + ":9100";
        made->job = job_name(job);
        made->labels = {{"instance", address}, {"job", made->job}};
        made->discovered = {{"__address__", address}};
        made->url = "http://" + address + "/metrics";
        made->interval = jobs_[job].interval;
        made->timeout = jobs_[job].interval / 2;
        SimTarget one;
        one.id = shard::target_key(*made);
        made->id = one.id;
        one.job = job;
        one.target = std::move(made);
        // 50 to 5,000, most of them small.
        one.series = static_cast<uint64_t>(
            50 * std::pow(10, 2 * static_cast<double>(random_.below(1000)) / 1000));
        one.there_since = one.up_since = world_.now();
        if (world_.now() > Time(0)) {
            one.absent_told = world_.now();  // who was told nothing yet knows nothing of it
        }
        numbers_[one.id] = static_cast<uint32_t>(targets_.size());
        targets_.push_back(std::move(one));
    }
}

void ClusterTargets::set_there(uint32_t number, bool there) {
    SimTarget& one = targets_[number];
    if (one.there != there) {
        one.there = there;
        one.there_since = world_.now();
    }
}

void ClusterTargets::set_health(uint32_t number, int down, int slow) {
    SimTarget& one = targets_[number];
    one.down += static_cast<uint32_t>(down);
    one.slow += static_cast<uint32_t>(slow);
    if (one.answers()) {
        one.up_since = world_.now();
    }
}

void ClusterTargets::set_empty(uint32_t job, bool empty) {
    empty_[job] = empty;
    for (SimTarget& one : targets_) {
        if (one.job == job && one.there) {
            one.there_since = world_.now();
        }
    }
}

std::shared_ptr<const model::ResolvedJob> ClusterTargets::resolved(uint32_t job) const {
    auto said = std::make_shared<model::ResolvedJob>();
    said->job = job_name(job);
    for (const SimTarget& one : targets_) {
        if (one.job == job && one.there && !empty_[job]) {
            said->active.push_back(one.target);
        }
    }
    return said;
}

void ClusterTargets::told(const model::ResolvedJob& said, uint32_t job) {
    std::set<model::TargetId> there;
    for (const auto& one : said.active) {
        there.insert(one->id);
    }
    for (SimTarget& one : targets_) {
        if (one.job == job && !there.contains(one.id)) {
            one.absent_told = world_.now();
        }
    }
}

}  // namespace sim

#include "engine/cluster/dropped_targets.h"

#include <utility>

#include "base/json.h"

namespace engine {

void DroppedTargets::targets_changed(std::shared_ptr<const model::ResolvedJob> job) {
    {
        const base::MutexLock lock(mutex_);
        // A job that is configured no more has nothing, and is told so.
        if (job->active.empty() && job->dropped_count == 0) {
            jobs_.erase(job->job);
        } else {
            jobs_[job->job] = {.targets = job->dropped, .count = job->dropped_count};
        }
    }
    next_.targets_changed(std::move(job));
}

std::string DroppedTargets::json(std::string_view pool) const {
    std::string out;
    base::JsonWriter json(out);
    const base::MutexLock lock(mutex_);
    json.begin_object();
    json.key("droppedTargets");
    json.begin_array();
    for (const auto& [job, dropped] : jobs_) {
        for (const model::DroppedTarget& target : dropped.targets) {
            if (!pool.empty() && pool != job) {
                continue;
            }
            json.begin_object();
            json.key("discoveredLabels");
            json.begin_object();
            for (const model::LabelView label : target.discovered) {
                json.member(label.name, label.value);
            }
            json.end_object();
            json.member("scrapePool", job);
            json.end_object();
        }
    }
    json.end_array();
    json.key("droppedTargetCounts");
    json.begin_object();
    for (const auto& [job, dropped] : jobs_) {
        json.key(job);
        json.natural(dropped.count);
    }
    json.end_object();
    json.end_object();
    return out;
}

}  // namespace engine

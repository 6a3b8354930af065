#include "shard/assigned/job_lists.h"

#include <algorithm>
#include <utility>

namespace shard {

void JobLists::touch(Jobs::iterator job) {
    if (!job->second.changed) {
        job->second.changed = true;
        changed_.push_back(job);
    }
}

void JobLists::put(std::shared_ptr<const model::Target> target, bool over_target_limit) {
    const model::TargetId id = target->id;
    auto place = places_.find(id);
    if (place != places_.end() && place->second.job->first != target->job) {
        hand_over(id);
        place = places_.end();
    }
    if (place != places_.end()) {
        Place& its = place->second;
        touch(its.job);
        its.job->second.over_target_limit += over_target_limit ? 1 : 0;
        its.job->second.over_target_limit -= its.over_target_limit ? 1 : 0;
        its.over_target_limit = over_target_limit;
        its.job->second.active[its.at] = std::move(target);
        return;
    }
    const auto job = jobs_.try_emplace(target->job).first;
    touch(job);
    job->second.handed_over.erase(id);
    job->second.over_target_limit += over_target_limit ? 1 : 0;
    places_.emplace(
        id,
        Place{.job = job, .at = job->second.active.size(), .over_target_limit = over_target_limit});
    job->second.active.push_back(std::move(target));
}

// The last one of the list takes its place.
void JobLists::take_out(std::unordered_map<model::TargetId, Place>::iterator place) {
    const Place was = place->second;
    places_.erase(place);
    touch(was.job);
    was.job->second.over_target_limit -= was.over_target_limit ? 1 : 0;
    auto& active = was.job->second.active;
    if (was.at + 1 < active.size()) {
        active[was.at] = std::move(active.back());
        places_.at(active[was.at]->id).at = was.at;
    }
    active.pop_back();
}

void JobLists::hand_over(model::TargetId id) {
    const auto place = places_.find(id);
    if (place == places_.end()) {
        return;
    }
    place->second.job->second.handed_over.insert(id);
    take_out(place);
}

void JobLists::remove(std::string_view job, model::TargetId id) {
    if (const auto place = places_.find(id); place != places_.end()) {
        take_out(place);
        return;
    }
    if (const auto found = jobs_.find(job); found != jobs_.end()) {
        found->second.handed_over.erase(id);
    }
}

std::vector<std::shared_ptr<const model::ResolvedJob>> JobLists::take_changes() {
    std::ranges::sort(changed_, {}, [](const Jobs::iterator& job) { return job->first; });
    std::vector<std::shared_ptr<const model::ResolvedJob>> changes;
    changes.reserve(changed_.size());
    for (const Jobs::iterator& job : changed_) {
        auto list = std::make_shared<model::ResolvedJob>();
        list->job = job->first;
        list->active = job->second.active;
        list->over_target_limit = job->second.over_target_limit > 0;
        list->handed_over.assign(job->second.handed_over.begin(), job->second.handed_over.end());
        std::ranges::sort(list->handed_over);
        changes.push_back(std::move(list));
        job->second.handed_over.clear();
        job->second.changed = false;
        if (job->second.active.empty()) {
            jobs_.erase(job);
        }
    }
    changed_.clear();
    return changes;
}

}  // namespace shard

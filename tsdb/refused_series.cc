#include "tsdb/refused_series.h"

#include <algorithm>

namespace tsdb {

void RefusedSeries::add(const model::Labels& labels) {
    const std::string_view job = labels.get("job");
    const std::string_view instance = labels.get("instance");
    const base::MutexLock lock(mutex_);
    const auto found = std::ranges::find_if(targets_, [&](const Target& target) {
        return target.job == job && target.instance == instance;
    });
    if (found != targets_.end()) {
        ++found->refused;
    } else if (targets_.size() < kTargetsMax) {
        targets_.push_back({std::string(job), std::string(instance), 1});
    } else {
        const auto least = std::ranges::min_element(targets_, {}, &Target::refused);
        *least = {std::string(job), std::string(instance), least->refused + 1};
    }
}

std::vector<RefusedSeries::Target> RefusedSeries::targets() const {
    const base::MutexLock lock(mutex_);
    std::vector<Target> targets = targets_;
    std::ranges::stable_sort(targets, std::greater(), &Target::refused);
    return targets;
}

}  // namespace tsdb

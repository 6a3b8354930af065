#include "shard/session/loads.h"

#include <algorithm>

namespace shard {

std::vector<TargetLoad> LoadChanges::take(const LoadSource& source, base::SteadyTime now) {
    std::vector<TargetLoad> changed;
    if (now < next_look_) {
        return changed;
    }
    if (now >= next_complete_) {
        told_.clear();
        next_complete_ = now + options_.complete;
    }
    bool more = false;
    source.for_each_load([&](const TargetLoad& load) {
        if (!matters(load)) {
            return;
        }
        if (changed.size() == options_.loads_max) {
            more = true;
            return;
        }
        told_.insert_or_assign(load.id, load);
        changed.push_back(load);
    });
    if (!more) {
        next_look_ = now + options_.look;
    }
    return changed;
}

void LoadChanges::forget_all() {
    told_.clear();
    next_look_ = {};
    next_complete_ = {};
}

void LoadChanges::forget(model::TargetId id) {
    told_.erase(id);
}

bool LoadChanges::matters(const TargetLoad& load) const {
    const auto told = told_.find(load.id);
    if (told == told_.end() || told->second.up != load.up) {
        return true;
    }
    const uint64_t before = told->second.series;
    const uint64_t change = std::max(load.series, before) - std::min(load.series, before);
    return change >= options_.changed_series &&
           static_cast<double>(change) >= options_.changed_part * static_cast<double>(before);
}

}  // namespace shard

#include "shard/assigned/scrape_loads.h"

#include <vector>

namespace shard {

void ScrapeLoads::hold(model::TargetId id, bool incoming) {
    Part& at = part(id);
    const base::MutexLock lock(at.mutex);
    at.loads[id].incoming = incoming;
}

void ScrapeLoads::release(model::TargetId id) {
    Part& at = part(id);
    const base::MutexLock lock(at.mutex);
    at.loads.erase(id);
}

bool ScrapeLoads::scraped(const model::ScrapeOutcome& outcome) {
    Part& at = part(outcome.target);
    const base::MutexLock lock(at.mutex);
    const auto found = at.loads.find(outcome.target);
    if (found == at.loads.end()) {
        return false;
    }
    Load& load = found->second;
    load.scraped = true;
    load.up = outcome.good;
    if (outcome.good) {
        load.series = outcome.series;
    }
    return load.incoming;
}

void ScrapeLoads::for_each(const std::function<void(const TargetLoad&)>& visit) const {
    std::vector<TargetLoad> loads;
    for (const Part& at : parts_) {
        loads.clear();
        {
            const base::MutexLock lock(at.mutex);
            for (const auto& [id, load] : at.loads) {
                if (load.scraped) {
                    loads.push_back({.id = id, .series = load.series, .up = load.up});
                }
            }
        }
        for (const TargetLoad& load : loads) {
            visit(load);
        }
    }
}

}  // namespace shard

#include "test/sim/cluster_records.h"

#include <algorithm>

namespace sim {

void ClusterRecords::scraping(ProcessId process, uint32_t target, bool begins) {
    if (scrapers_.size() <= target) {
        scrapers_.resize(target + 1);
    }
    std::vector<ProcessId>& who = scrapers_[target];
    std::erase(who, process);
    if (begins) {
        who.push_back(process);
    }
}

const std::vector<ProcessId>& ClusterRecords::scrapers(uint32_t target) const {
    static const std::vector<ProcessId> kNobodyDoes;
    return target < scrapers_.size() ? scrapers_[target] : kNobodyDoes;
}

const std::map<ProcessId, std::vector<SimSample>>& ClusterRecords::stored(uint32_t target) const {
    static const std::map<ProcessId, std::vector<SimSample>> kNothing;
    return target < stored_.size() ? stored_[target] : kNothing;
}

void ClusterRecords::lose(ProcessId process) {
    for (auto& target : stored_) {
        target.erase(process);
    }
}

}  // namespace sim

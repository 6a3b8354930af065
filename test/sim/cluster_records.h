// What the nodes of a simulated cluster have stored: samples and stale markers of every target, by
// node and slot, and who scrapes what at this moment.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "test/sim/cluster_targets.h"
#include "test/sim/world.h"

namespace sim {

enum class SampleKind : uint8_t {
    kGood,
    kDown,  // a failed scrape: the target's series end for now
    kGone,  // the target is discovered no more
};

struct SimSample {
    int64_t wall_ms = 0;  // of the node's clock
    Time at{};            // when it was stored
    uint8_t slot = 0;
    SampleKind kind = SampleKind::kGood;
};

class ClusterRecords {
  public:
    void store(ProcessId process, uint32_t target, const SimSample& sample) {
        if (stored_.size() <= target) {
            stored_.resize(target + 1);
        }
        stored_[target][process].push_back(sample);
    }

    void scraping(ProcessId process, uint32_t target, bool begins);

    // Whose scrapers have it.
    [[nodiscard]] const std::vector<ProcessId>& scrapers(uint32_t target) const;

    // By node.
    [[nodiscard]] const std::map<ProcessId, std::vector<SimSample>>& stored(uint32_t target) const;

    // A node's disk is gone, and with it what it has stored.
    void lose(ProcessId process);

  private:
    std::vector<std::map<ProcessId, std::vector<SimSample>>> stored_;  // by target
    std::vector<std::vector<ProcessId>> scrapers_;                     // by target
};

}  // namespace sim

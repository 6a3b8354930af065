// The scraper of a simulated node: scrapes what it is told, at the target's moment, and stores what
// the real one would.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>

#include "model/scrape_listener.h"
#include "model/target.h"
#include "test/sim/cluster_checks.h"
#include "test/sim/cluster_targets.h"
#include "test/sim/world.h"

namespace sim {

class ClusterScrapes final : public model::TargetListener {
  public:
    struct Parts {
        World& world;
        ClusterTargets& targets;
        ClusterChecks& checks;
        std::function<void(const model::ScrapeOutcome&)> scraped;
    };

    ClusterScrapes(ProcessId process, Parts parts);
    // Its process dies: nothing is marked.
    ~ClusterScrapes();

    void targets_changed(std::shared_ptr<const model::ResolvedJob> job) override;

    // What is scraped, by id.
    [[nodiscard]] const auto& running() const { return running_; }

  private:
    struct Scrape {
        std::shared_ptr<const model::Target> target;
        uint32_t number = 0;
        uint64_t life = 0;       // tells this scraper from one of the same target before
        bool storing = false;    // its trial is over
        bool ends_open = false;  // its last scrape was good: its series have no end yet
    };

    void begin(const std::shared_ptr<const model::Target>& target);
    void end(const Scrape& scrape, bool handed_over);
    void wait(Scrape& scrape, bool at_once);
    void scrape(model::TargetId id, uint64_t life);
    void done(model::TargetId id, uint64_t life, bool good, int64_t wall_ms);
    void store(const Scrape& scrape, SampleKind kind, int64_t wall_ms);

    const ProcessId process_;
    const Parts parts_;
    std::map<model::TargetId, Scrape> running_;
    uint64_t lives_ = 0;
};

}  // namespace sim

// Targets that relabelling took away, kept for the list of targets in a cluster, where what is
// scraped comes from the leader and not from discovery.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/sync.h"
#include "model/target.h"

namespace engine {

// Hands on what it is told. Threads: any.
class DroppedTargets final : public model::TargetListener {
  public:
    // next  borrowed; hears everything
    explicit DroppedTargets(model::TargetListener& next) : next_(next) {}

    void targets_changed(std::shared_ptr<const model::ResolvedJob> job) override
        EXCLUDES_LOCK(mutex_);

    // {"droppedTargets": […], "droppedTargetCounts": {…}}
    //   pool  of this job; empty: of all
    [[nodiscard]] std::string json(std::string_view pool) const EXCLUDES_LOCK(mutex_);

  private:
    struct Dropped {
        std::vector<model::DroppedTarget> targets;  // at most keep_dropped_targets
        uint64_t count = 0;
    };

    model::TargetListener& next_;
    mutable base::Mutex mutex_;
    std::map<std::string, Dropped> jobs_ GUARDED_BY(mutex_);
};

}  // namespace engine

// The loops of one lane.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/async/task_group.h"
#include "scrape/loop.h"

namespace scrape {

// Which targets of one job a lane scrapes, and how. No targets: the job is gone from this lane.
struct LaneJob {
    std::string name;
    std::shared_ptr<const JobOptions> options;
    std::vector<std::shared_ptr<const model::Target>> targets;
    std::vector<model::TargetId> handed_over;  // not among the targets: another node goes on
    std::optional<base::Error> forced_error;   // every scrape fails with it: target_limit
    uint64_t offset_seed = 0;
};

// What the loop sets of a node have in common. Borrowed but for the logger and the key.
struct LoopParts {
    const EngineOptions& engine;
    model::Appendable& storage;
    base::http::ClientShared& client;
    MetadataPool& metadata;
    Metrics& metrics;
    base::Budget& budget;
    FirstScrapes& first_scrapes;
    model::ScrapeListener* listener;  // null: nobody
    base::Logger log;
    LineKey key;
};

//   threads   the lane; the constructor and stop() anywhere
class LoopSet {
  public:
    LoopSet(base::Lane& lane, const LoopParts& parts);

    // Starts, changes and ends loops until they are those of `job`. Targets that are gone are
    // marked stale, but for those handed over; those whose job has changed so that cached labels
    // are wrong start anew.
    void apply(const LaneJob& job);

    void visit(const std::function<void(const std::string& job, const Loop& loop)>& see) const;

    // Cancels all loops and waits for them; no stale markers. Not on the lane.
    void stop() { tasks_.stop_and_wait(); }

    [[nodiscard]] base::Lane& lane() { return shared_.lane; }

  private:
    using Loops = std::unordered_map<model::TargetId, std::unique_ptr<Loop>>;

    struct Job {
        std::shared_ptr<const JobOptions> options;
        Loops loops;
    };

    void start(Job& job, const LaneJob& wanted, std::shared_ptr<const model::Target> target);
    void retire(std::unique_ptr<Loop> loop, LoopEnd how);
    [[nodiscard]] base::Task<void> run(Loop* loop);

    LaneShared shared_;
    std::map<std::string, Job> jobs_;
    std::unordered_map<const Loop*, std::unique_ptr<Loop>> ending_;
    base::TaskGroup tasks_;  // last: its tasks are the loops
};

}  // namespace scrape

// The lists of targets that a scraper is told, job by job, and what has changed in them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "model/target.h"

namespace shard {

// Every change costs the same however many targets there are; only take_changes() costs a whole
// list, of each job that changed.
//   threads  one
class JobLists {
  public:
    // A new target, or another place of one that there is. A job of another name is left without
    // the target being gone. A job is over its limit while any of its targets says so: they change
    // one after another, and all of them soon.
    void put(std::shared_ptr<const model::Target> target, bool over_target_limit = false);
    // Scraped elsewhere.
    void hand_over(model::TargetId id);
    // Scraped nowhere; also one that was handed over since the last take_changes().
    void remove(std::string_view job, model::TargetId id);

    // The lists of the jobs that changed since, by name. A job without targets is listed a last
    // time.
    [[nodiscard]] std::vector<std::shared_ptr<const model::ResolvedJob>> take_changes();

  private:
    struct Job {
        std::vector<std::shared_ptr<const model::Target>> active;
        std::unordered_set<model::TargetId> handed_over;  // not in `active`
        size_t over_target_limit = 0;                     // of `active`, that say so
        bool changed = false;
    };

    using Jobs = std::map<std::string, Job, std::less<>>;

    struct Place {
        Jobs::iterator job;
        size_t at = 0;  // in its list
        bool over_target_limit = false;
    };

    void touch(Jobs::iterator job);
    void take_out(std::unordered_map<model::TargetId, Place>::iterator place);

    Jobs jobs_;
    std::vector<Jobs::iterator> changed_;
    std::unordered_map<model::TargetId, Place> places_;
};

}  // namespace shard

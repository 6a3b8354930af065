// From raw groups to targets: defaults, relabelling, checks, identity. Pure.
// source: Prometheus, how a target is built
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/target.h"
#include "scrape/options.h"

namespace scrape {

struct Resolution {
    std::shared_ptr<const model::ResolvedJob> job;
    std::vector<std::string>
        failures;  // targets that are none: "instance 0 in group a: no address"
};

// The targets of a job, unique by id, in the order of the groups.
[[nodiscard]] Resolution resolve_job(const JobOptions& job,
                                     const std::vector<model::TargetGroup>& groups);

// Group and target labels (the target's win) with what the job adds: what relabelling starts from.
[[nodiscard]] model::Labels discovered_labels(const JobOptions& job,
                                              const model::Labels& group,
                                              const model::Labels& target);

// One target out of its discovered labels; null when relabelling drops it.
//   errors  kInvalid: no address, or an address, interval or timeout that is none
[[nodiscard]] base::Result<std::shared_ptr<const model::Target>> resolve_target(
    const JobOptions& job, const model::Labels& discovered);

}  // namespace scrape

// Targets and who scrapes them, as JSON. source: docs/cluster-api.md
#pragma once

#include "shard/answers/view.h"

namespace shard {

inline constexpr uint64_t kTargetsLimit = 10'000;      // of an answer, when none is given
inline constexpr uint64_t kTargetsLimitMax = 100'000;  // that can be asked for

// parameters  job, node (an id), state (up, down, unknown, moving, orphan, standing_in), search (a
//             part of job, labels or URL), id, limit
// errors      kInvalid; kNotFound: a node or job that there is not
[[nodiscard]] base::Result<Finish> targets_reply(const ClusterView& view,
                                                 const Parameters& parameters);

// {id, job, instance} of a target; only id where it is not discovered here.
void write_target_name(std::string& out,
                       model::TargetId id,
                       const std::shared_ptr<const TargetDescriptor>& descriptor);

}  // namespace shard

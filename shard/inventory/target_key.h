// The names of targets in a cluster: the same on every node that discovers them.
// source: docs/placement.md, "Targets"
#pragma once

#include <optional>

#include "model/target.h"

namespace shard {

// What the table, plans and sessions call a target: XXH64 over job 0xFF, name 0xFF value 0xFF of
// each final label, 0xFF, URL, 0xFF, unix socket. The job is in it because two jobs may have equal
// targets. Interval, timeout and discovered labels are not: they change under the same key.
[[nodiscard]] model::TargetId target_key(const model::Target& target);

// What stays when relabelling is edited: XXH64 over job 0xFF, the discovered __address__, 0xFF, the
// path of the URL. Not unique: for finding the target that another one was before.
//   returns  nullopt: nothing was discovered at an address
[[nodiscard]] std::optional<uint64_t> place_key(const model::Target& target);

}  // namespace shard

// One job's targets as an inventory keeps them.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "model/target.h"

namespace shard {

// 32 bytes. The target is shared with whoever discovered it.
struct ListedTarget {
    model::TargetId id = 0;
    uint64_t details = 0;  // hash of what may change under the same id
    std::shared_ptr<const model::Target> target;
};

struct TargetList {
    std::vector<ListedTarget> targets;  // by id, each once
    size_t duplicates = 0;              // left out: another one has the same id
    size_t too_large = 0;               // left out: beyond kTargetBytesMax, cannot be sent
};

// Of targets with equal ids the first one stays. Whether the job is over its target limit is one
// of their details.
//   key  gives the ids: target_key()
[[nodiscard]] TargetList list_targets(const model::ResolvedJob& job,
                                      model::TargetId (*key)(const model::Target&));

}  // namespace shard

// What became of the targets between two looks at an inventory.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/target.h"

namespace shard {

struct AddedTarget {
    model::TargetId id = 0;
    uint32_t job = 0;  // position in InventoryChange::jobs
    // One of `removed` that is at the same place: this is the same target with other labels, and
    // belongs where that one was. Nobody else's predecessor.
    std::optional<model::TargetId> predecessor;
};

// The sum of all changes: what came and went again is not in it. Lists are by id.
struct InventoryChange {
    std::vector<std::string> jobs;  // of `added`, by name
    std::vector<AddedTarget> added;
    std::vector<model::TargetId> changed;  // other TargetDescriptor under the same id
    std::vector<model::TargetId> removed;

    [[nodiscard]] bool empty() const { return added.empty() && changed.empty() && removed.empty(); }
};

// One target then and now. Null: there was none, there is none.
struct TargetDifference {
    model::TargetId id = 0;
    std::shared_ptr<const model::Target> before, now;
    bool other_limit = false;  // its job went beyond its target limit, or is no longer
};

//   differences  by id, each once; those that are none are passed over
[[nodiscard]] InventoryChange describe(std::span<const TargetDifference> differences);

}  // namespace shard

// Exclusive targets: at most one node may scrape each. It is given to the next one when the one
// before has said that it let go, or its lease is over.
// source: docs/placement.md, "Exclusive targets"
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "model/target.h"
#include "shard/types.h"

namespace shard {

//   threads  one
class Grants {
  public:
    // A node that is to let go of a target, and has not said that it did.
    struct Awaited {
        model::TargetId target = 0;
        NodeNumber node = kNoNode;
        uint64_t number = 0;  // of the release, never another's and never 0
        base::SteadyTime since{};
    };

    // That `wanted` is to have it (kNoNode: nobody), as soon as nobody else may.
    // returns  who has it now; kNoNode: nobody, or somebody who is to let go
    NodeNumber want(model::TargetId target, NodeNumber wanted, base::SteadyTime now);

    // The node has let go. returns  the target; nothing: that release is not awaited (any more)
    std::optional<model::TargetId> released(NodeNumber node, uint64_t number);

    // The release that is awaited of that node; 0: none.
    [[nodiscard]] uint64_t awaited(model::TargetId target, NodeNumber node) const;
    // By number.
    [[nodiscard]] std::vector<Awaited> awaited() const;

    // What somebody has, in no order.
    void for_each_given(const std::function<void(model::TargetId)>& visit) const;

    // The target is exclusive no more.
    void forget(model::TargetId target);
    // A new term: nobody has anything, and nobody is waited for.
    void clear();

  private:
    std::unordered_map<model::TargetId, NodeNumber> given_;
    std::map<uint64_t, Awaited> awaited_;
    std::unordered_map<model::TargetId, uint64_t> awaited_of_;
    uint64_t numbers_ = 0;
};

}  // namespace shard

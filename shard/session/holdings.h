// The targets a node holds, and how an assignment changes them.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "shard/session/messages.h"

namespace shard {

struct HoldingChange {
    std::vector<AssignedTarget> put;  // begun, or held in another way
    std::vector<Release> released;

    [[nodiscard]] bool empty() const { return put.empty() && released.empty(); }
};

//   threads  one
class HeldTargets {
  public:
    void restore(std::vector<AssignedTarget> targets);

    // What really changes by it: it says nothing of what is held just so already.
    [[nodiscard]] HoldingChange apply(const Assignment& assign);
    [[nodiscard]] HoldingChange release_all(ReleaseReason reason);
    // As moved: somebody else may scrape them from now on.
    [[nodiscard]] HoldingChange release_exclusive();

    // A list that was begun is not finished: the session is over.
    void forget_list() { listed_.reset(); }

    [[nodiscard]] const HoldingDigest& digest() const { return digest_; }

    [[nodiscard]] const std::map<model::TargetId, AssignedTarget>& targets() const {
        return targets_;
    }

    // In messages of at most `most` each; one even when there are none.
    [[nodiscard]] std::vector<Holdings> list(size_t most) const;

  private:
    void put(const AssignedTarget& target, HoldingChange& change);
    void release(model::TargetId id, ReleaseReason reason, HoldingChange& change);
    void count(const AssignedTarget& target, bool added);

    std::map<model::TargetId, AssignedTarget> targets_;
    std::set<model::TargetId> exclusive_;  // of those
    HoldingDigest digest_;
    // Those that a list of everything named so far.
    std::optional<std::set<model::TargetId>> listed_;
};

}  // namespace shard

// What a node keeps of its session, in memory: outlives the node's process, not its disk.
#pragma once

#include <map>
#include <span>
#include <string>

#include "shard/session/worker.h"

namespace test_support {

class KeptSession final : public shard::SessionStore {
  public:
    base::Result<shard::StoredSession> load() override {
        shard::StoredSession stored = kept_;
        for (const auto& [id, target] : targets_) {
            stored.targets.push_back(target);
        }
        return stored;
    }

    base::Status save_identity(const std::string& cluster_id,
                               shard::NodeNumber number,
                               std::span<const shard::KnownNode> nodes) override {
        kept_.cluster_id = cluster_id;
        kept_.number = number;
        kept_.nodes.assign(nodes.begin(), nodes.end());
        return base::success();
    }

    base::Status save_targets(shard::Order seen,
                              std::span<const shard::AssignedTarget> put,
                              std::span<const model::TargetId> removed,
                              bool /*sync*/) override {
        kept_.seen = seen;
        for (const model::TargetId id : removed) {
            targets_.erase(id);
        }
        for (const shard::AssignedTarget& target : put) {
            targets_.insert_or_assign(target.id, target);
        }
        return base::success();
    }

  private:
    shard::StoredSession kept_;
    std::map<model::TargetId, shard::AssignedTarget> targets_;
};

}  // namespace test_support

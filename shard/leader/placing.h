// From what the leader knows to a plan, and from the plan to edits of the table.
// source: docs/placement.md
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "shard/assignment/table.h"
#include "shard/leader/load_view.h"
#include "shard/planner/planner.h"
#include "shard/types.h"

namespace shard {

// A target that is discovered.
struct WantedTarget {
    model::TargetId id = 0;
    std::string_view job;
    // That it replaces, because its labels were relabelled otherwise; 0: none. Its owners have it.
    model::TargetId predecessor = 0;
};

// What is known of a node beside the table.
struct NodeView {
    NodeUse use = NodeUse::kTakes;
    uint64_t other_series = 0;
    uint64_t ghost_series = 0;
    std::vector<std::string> foreign_jobs;  // that its configuration has otherwise; sorted
};

struct PlacingOptions {
    PlannerOptions planner;
    std::chrono::seconds tombstone{600};   // that a target's owners are remembered when it goes
    std::chrono::seconds unable{30 * 60};  // that a node is not tried again
};

// Nodes that could not scrape a target, for a while.
class UnableMarks {
  public:
    void add(model::TargetId target, NodeNumber node, uint32_t until_s) {
        until_[{target, node}] = until_s;
    }

    void expire(uint32_t now_s) {
        std::erase_if(until_, [now_s](const auto& mark) { return mark.second <= now_s; });
    }

    void clear() { until_.clear(); }

    // By target and node, and until when.
    [[nodiscard]] const std::map<std::pair<model::TargetId, NodeNumber>, uint32_t>& all() const {
        return until_;
    }

  private:
    std::map<std::pair<model::TargetId, NodeNumber>, uint32_t> until_;
};

// Everything a plan is made of; borrowed.
struct PlacingView {
    const Table& table;
    const LoadView& loads;
    const UnableMarks& unable;
    // Targets that the table lacks, by id, and those that it has and nobody discovers.
    std::span<const WantedTarget> fresh;
    std::span<const model::TargetId> gone;
    std::function<NodeView(const NodeRecord&)> node;
    std::function<uint8_t(std::string_view job)> replicas;
    uint32_t now_s = 0;
    uint32_t recent_moves = 0;
    uint64_t recent_series = 0;
};

// One move, in words that outlive the plan.
struct ExplainedMove {
    model::TargetId target = 0;
    uint8_t slot = 0;
    NodeNumber from = kNoNode, to = kNoNode;
    MoveReason reason = MoveReason::kBalance;
    uint64_t series = 0;
    float from_before = 0, from_after = 0, to_before = 0, to_after = 0;
};

struct Placing {
    EditPlan edits;  // none: there is nothing to do
    std::vector<ExplainedMove> moves;
    double ratio_before = 0, ratio_after = 0;
    double mean = 0;
    uint64_t unplaced = 0;
    uint64_t held_back = 0;
    uint32_t needed_nodes = 0;
    std::vector<NodeNumber> over_budget;
};

// Same view, same answer. Carries nothing out.
[[nodiscard]] Placing place(const PlacingView& view, const PlacingOptions& options);

}  // namespace shard

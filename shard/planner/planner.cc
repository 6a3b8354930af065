#include "shard/planner/planner.h"

#include <algorithm>

#include "base/check.h"
#include "shard/planner/balance.h"
#include "shard/planner/repair.h"
#include "shard/planner/work.h"

namespace shard {

namespace {

uint64_t median(std::vector<uint64_t> values) {
    if (values.empty()) {
        return 0;
    }
    const auto middle = values.begin() + static_cast<ptrdiff_t>(values.size() / 2);
    std::ranges::nth_element(values, middle);
    return *middle;
}

uint32_t needed_nodes(const PlanState& state) {
    std::vector<uint64_t> capacities;
    std::vector<uint64_t> others;
    for (const PlanNode& node : state.input().nodes) {
        if (node.use != NodeUse::kGone) {
            capacities.push_back(node.capacity);
            others.push_back(node.other_series);
        }
    }
    const uint64_t capacity = median(std::move(capacities));
    const uint64_t bins =
        state.sizes().bins(capacity - std::min(capacity, median(std::move(others))));
    return static_cast<uint32_t>(
        std::min<uint64_t>(std::max<uint64_t>({bins, state.slots_max(), 1}), UINT32_MAX));
}

double ratio(const PlanState& state) {
    return state.mean_share() > 0 ? state.highest_share() / state.mean_share() : 0;
}

}  // namespace

std::string_view name(MoveReason reason) {
    switch (reason) {
        case MoveReason::kOrphan:
            return "orphan";
        case MoveReason::kSameNode:
            return "same node";
        case MoveReason::kSameZone:
            return "same zone";
        case MoveReason::kUnable:
            return "unable";
        case MoveReason::kDrain:
            return "drain";
        case MoveReason::kOverBudget:
            return "over budget";
        case MoveReason::kBalance:
            return "balance";
        case MoveReason::kFill:
            return "fill";
        case MoveReason::kSwap:
            return "swap";
    }
    SKEIN_CHECK(false, "an unknown reason", static_cast<int>(reason));
}

std::string_view explain(MoveReason reason) {
    switch (reason) {
        case MoveReason::kOrphan:
            return "nobody has it";
        case MoveReason::kSameNode:
            return "two of its replicas are on one node";
        case MoveReason::kSameZone:
            return "two of its replicas are in one zone, and there are others";
        case MoveReason::kUnable:
            return "the old node cannot scrape it";
        case MoveReason::kDrain:
            return "the old node is drained";
        case MoveReason::kOverBudget:
            return "the old node holds more than its budget";
        case MoveReason::kBalance:
            return "the old node holds more than others";
        case MoveReason::kFill:
            return "the new node holds little";
        case MoveReason::kSwap:
            return "it makes room for another one";
    }
    SKEIN_CHECK(false, "an unknown reason", static_cast<int>(reason));
}

Plan make_plan(const PlanInput& input) {
    PlanWork work(input);
    Plan plan;
    plan.ratio_before = ratio(work.state);
    mend_validity(work);
    place_orphans(work);
    empty_draining(work);
    if (work.state.took_over() && !input.options.full) {
        // What a lost node had goes to others, and nothing else moves with it.
        work.held_back += count_unbalanced(work);
    } else {
        balance(work);
    }
    plan.ratio_after = ratio(work.state);
    plan.mean = work.state.mean_share();
    plan.unplaced = work.unplaced;
    plan.held_back = work.held_back;
    plan.needed_nodes = needed_nodes(work.state);
    for (uint32_t node = 0; node < work.state.nodes().size(); ++node) {
        if (work.state.node(node).use != NodeUse::kGone &&
            work.state.node(node).share > input.options.budget_hard) {
            plan.over_budget.push_back(node);
        }
    }
    plan.moves = work.state.take_moves();
    return plan;
}

}  // namespace shard

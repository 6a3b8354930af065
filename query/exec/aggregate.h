// Aggregations: blocks are folded into groups as they come, so the series of the input are never
// all in memory.
#pragma once

#include "query/exec/operator.h"
#include "query/plan/plan.h"

namespace query::exec {

// What an aggregation is made from. `node` is a kAggregate and outlives the operator; `param` is
// null when there is none or it is a string.
struct AggregateInputs {
    const plan::Node& node;
    const AggregateExpr& expr;
    OperatorPtr input;
    OperatorPtr param;
    ExecContext& context;

    [[nodiscard]] size_t steps() const { return node.grid.count; }
};

[[nodiscard]] OperatorPtr make_aggregate(AggregateInputs inputs);

// Whether all that the operator asks of a row's labels is which group it belongs to.
[[nodiscard]] bool folds(AggregateOp op);

// sum, avg, min, max, count, group, stddev, stdvar, quantile: one row per group.
[[nodiscard]] OperatorPtr make_fold_aggregate(AggregateInputs inputs);
// topk, bottomk, limitk, limit_ratio: some of the rows of every group.
[[nodiscard]] OperatorPtr make_pick_aggregate(AggregateInputs inputs);
// count_values: one row per group and value.
[[nodiscard]] OperatorPtr make_count_values(AggregateInputs inputs);

}  // namespace query::exec

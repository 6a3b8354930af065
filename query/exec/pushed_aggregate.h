// Aggregations that are worked out where the series lie, and put together here.
#pragma once

#include "model/push_down.h"
#include "query/exec/operator.h"
#include "query/plan/plan.h"

namespace query::exec {

// How often the holders are asked before the series are selected after all: series that several of
// them hold are left out from the second time on, and new ones may come up meanwhile.
inline constexpr int kPushRoundsMax = 3;

// `node` and `push_down` outlive the operator.
struct PushedInputs {
    const plan::Node& node;  // the kAggregate that `fragment` is of
    model::Fragment fragment;
    model::PushDown& push_down;
    // The same aggregation over selected series, used when it cannot be had in parts: series hold
    // histograms, or nearly everybody has everything.
    OperatorPtr ordinary;
    ExecContext& context;
};

[[nodiscard]] OperatorPtr make_pushed_aggregate(PushedInputs inputs);

}  // namespace query::exec

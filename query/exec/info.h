// info(v, {selector}): labels of info metrics joined onto a vector.
#pragma once

#include "query/exec/operator.h"
#include "query/plan/plan.h"

namespace query::exec {

// `node` is the kFunction of an info() call: inputs[1] is the selection of the info metrics, which
// yields the times of their samples. `node` and `querier` outlive the operator.
[[nodiscard]] OperatorPtr make_info(const plan::Node& node,
                                    OperatorPtr base,
                                    model::Querier& querier,
                                    ExecContext& context);

}  // namespace query::exec

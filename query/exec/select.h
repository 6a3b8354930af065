// Instant selection: at every step the latest sample that is not older than the lookback.
#pragma once

#include "query/exec/operator.h"
#include "query/exec/series_rows.h"
#include "query/plan/plan.h"

namespace query::exec {

// `node` is a kSelect; it and `querier` outlive the operator.
//   labels  that rows are wanted with
[[nodiscard]] OperatorPtr make_select(const plan::Node& node,
                                      model::Querier& querier,
                                      ExecContext& context,
                                      LabelNames labels = std::nullopt);

}  // namespace query::exec

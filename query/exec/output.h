// From rows to the answer: here, and only here, symbols become text.
#pragma once

#include "query/exec/operator.h"
#include "query/exec/series_reader.h"
#include "query/value.h"

namespace query::exec {

// `held` counts the samples of the answer for as long as it lives.
[[nodiscard]] base::Result<Value> collect_scalar(const Grid& grid,
                                                 Operator& rows,
                                                 ExecContext& context);
[[nodiscard]] base::Result<Value> collect_vector(const Grid& grid,
                                                 Operator& rows,
                                                 ExecContext& context,
                                                 HeldSamples& held);
[[nodiscard]] base::Result<Value> collect_matrix(const Grid& grid,
                                                 Operator& rows,
                                                 ExecContext& context,
                                                 HeldSamples& held);
// The samples of a range selector or subquery at the only step of an instant query.
[[nodiscard]] base::Result<Value> collect_ranges(const plan::Node& range,
                                                 SeriesSource& source,
                                                 ExecContext& context,
                                                 HeldSamples& held);

}  // namespace query::exec

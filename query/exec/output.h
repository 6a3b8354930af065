// From rows to the answer: here, and only here, symbols become text.
#pragma once

#include "query/exec/operator.h"
#include "query/exec/series_reader.h"
#include "query/value.h"

namespace query::exec {

// Where an answer is put together.
//   held    counts its samples for as long as it lives
//   memory  reserves what it takes, of the query's budget
struct Output {
    const Grid& grid;
    ExecContext& context;
    HeldSamples& held;
    base::Reservation& memory;
};

// errors  kLimit: no memory for the answer; kExecution: too many samples; and those of the rows
[[nodiscard]] base::Result<Value> collect_scalar(Operator& rows, Output& output);
[[nodiscard]] base::Result<Value> collect_vector(Operator& rows, Output& output);
[[nodiscard]] base::Result<Value> collect_matrix(Operator& rows, Output& output);
// The samples of a range selector or subquery at the only step of an instant query.
[[nodiscard]] base::Result<Value> collect_ranges(const plan::Node& range,
                                                 SeriesSource& source,
                                                 Output& output);

}  // namespace query::exec

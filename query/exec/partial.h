// Aggregations in parts: what one holder's series come to, and how parts become the result.
#pragma once

#include <cstdint>
#include <span>

#include "model/push_down.h"
#include "query/exec/context.h"
#include "query/exec/operator.h"
#include "query/plan/plan.h"

namespace query::exec {

// What is worked out: plan::selection_in_parts(aggregate) is not null; all outlive the call.
struct PartInputs {
    const plan::Node& aggregate;
    model::Querier& series;
    std::span<const uint64_t> without;  // hashes of series that are left out, ascending
};

// The part of one holder's series. Its notes and warnings are those of `context`, which is the
// part's own; places in notes are places in the query that `aggregate` was planned from.
//   errors   those of operators
[[nodiscard]] base::Result<model::Partial> work_out_part(const PartInputs& inputs,
                                                         ExecContext& context);

// The aggregation's result from all parts, in their order; none is refused.
//   errors   kCorrupt: a part is not one of this aggregation; those of operators
[[nodiscard]] base::Result<Block> merge_parts(const plan::Node& aggregate,
                                              std::span<const model::Partial> parts,
                                              ExecContext& context);

// What a part takes in memory, about.
[[nodiscard]] int64_t bytes_of(const model::Partial& part);

}  // namespace query::exec

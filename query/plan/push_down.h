// Which aggregations can be worked out in parts, by those who hold the series, and what they are
// asked.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "model/push_down.h"
#include "query/duration.h"
#include "query/grid.h"
#include "query/plan/plan.h"

namespace query::plan {

// The whole query that a plan was made from.
struct WholeQuery {
    std::string_view text;
    QueryTimes times;
    Grid grid;  // of the times: the one of the plan's root
    int64_t lookback_ms = 0;
};

// The selection that an aggregation is made of, when every series of it adds to the result for
// itself: the input is a chain of functions of single series, and scalars that read nothing. Null
// when the aggregation cannot be worked out in parts.
//   aggregate  a kAggregate, of a plan without delayed name removal
[[nodiscard]] const Select* selection_in_parts(const Node& aggregate);

// What the holders of the series are asked; nothing when the aggregation cannot be worked out in
// parts. Its text is the aggregation's own within the query, so that places in it are places in
// the query from aggregate.expr->position.start on.
[[nodiscard]] std::optional<model::Fragment> fragment_of(const Node& aggregate,
                                                         const WholeQuery& query);

}  // namespace query::plan

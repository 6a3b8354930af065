// The same question with the time written into it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "query/ast.h"

namespace query::testing {

// `expr` with `@ t` on every selector and subquery that names no time yet, but not inside
// subqueries. Its answer is the same at any time of evaluation.
//   returns  nothing when the answer depends on the time of evaluation all the same: time(), hour()
//            and their like
[[nodiscard]] std::optional<std::string> pinned(const Expr& expr, int64_t t_ms);

}  // namespace query::testing

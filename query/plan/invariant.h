// Which expressions have the same value at every step.
#pragma once

#include "query/ast.h"

namespace query::plan {

// True when nothing in it depends on the time of the step: every selector has `@`, and no function
// asks for the time. Costs a walk over the expression.
[[nodiscard]] bool is_step_invariant(const Expr& expr);

}  // namespace query::plan

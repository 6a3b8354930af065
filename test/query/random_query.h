// Random expression trees that the grammar can express, for property tests and fuzzing.
#pragma once

#include "base/random.h"
#include "query/ast.h"

namespace test_query {

// A tree of at most `depth` levels and of the given type (scalar, vector, matrix or string).
[[nodiscard]] query::ExprPtr random_expr(base::Random& random, query::ValueType type, int depth);

}  // namespace test_query

// The series that an expression reads.
#pragma once

#include <vector>

#include "base/result.h"
#include "model/matcher.h"
#include "query/ast.h"

namespace query {

// The matchers of every vector selector in the tree, in the order they stand.
//   errors  kInvalid, kLimit: an expression in a matcher
[[nodiscard]] base::Result<std::vector<std::vector<model::Matcher>>> selectors_of(const Expr& expr);

}  // namespace query

// What a query must fulfil beyond its syntax: types of operands and arguments, selectors that
// select, sensible vector matching.
#pragma once

#include <string_view>

#include "query/ast.h"
#include "query/parse_error.h"

namespace query {

// Checks a tree fresh from the grammar and settles what depends on types: set operators become
// many-to-many, matching goes away where an operand is a scalar, and info()'s selector may be
// empty.
//   query   the text, for the places of operators
//   errors  the first one found
[[nodiscard]] Parsed<void> check_types(Expr& expr, std::string_view query);

}  // namespace query

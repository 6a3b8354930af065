// The tree as JSON, as /api/v1/parse_query answers and the tree view of the page reads it.
#pragma once

#include <string>

#include "query/ast.h"

namespace query {

// The JSON object of an expression: members in the order of their names, types and names of
// members as Prometheus has them.
[[nodiscard]] std::string ast_json(const Expr& expr);

}  // namespace query

// Trees back to text.
#pragma once

#include <string>

#include "query/ast.h"

namespace query {

// The canonical text of an expression on one line, as Prometheus writes it: lower-case keywords,
// clauses of aggregations in front, matchers sorted, durations in their largest units. Parsing it
// gives an expression with the same text and the same meaning.
[[nodiscard]] std::string to_string(const Expr& expr);
[[nodiscard]] std::string to_string(const DurationExpr& duration);

// One matcher: `job=~"a|b"`.
[[nodiscard]] std::string to_string(const MatcherSpec& matcher);

// The same over several lines, indented by two spaces, as /api/v1/format_query answers: what is
// longer than kLineMax on one line is split at its operator or parentheses.
inline constexpr size_t kLineMax = 100;
[[nodiscard]] std::string pretty(const Expr& expr);

}  // namespace query

// What stands behind an expression: ranges, subqueries, `offset`, `@`, `anchored`, `smoothed`.
#pragma once

#include "query/ast.h"
#include "query/parse/token_stream.h"
#include "query/parser.h"

namespace query {

class SuffixParser {
  public:
    // `tokens` and `options` are borrowed.
    SuffixParser(TokenStream& tokens, const ParseOptions& options)
        : tokens_(tokens), options_(options) {}

    // `expr` with all that follows it, in any order.
    [[nodiscard]] Parsed<ExprPtr> apply_all(ExprPtr expr);

  private:
    [[nodiscard]] Parsed<ExprPtr> range_or_subquery(ExprPtr expr);
    [[nodiscard]] Parsed<ExprPtr> matrix(ExprPtr expr, DurationPtr range, PositionRange brackets);
    [[nodiscard]] Parsed<ExprPtr> subquery(ExprPtr expr, DurationPtr range);
    [[nodiscard]] Parsed<void> offset(Expr& expr);
    [[nodiscard]] Parsed<void> at_modifier(Expr& expr);
    [[nodiscard]] Parsed<AtModifier> at_value(const Expr& expr);
    [[nodiscard]] Parsed<void> extension(Expr& expr);

    TokenStream& tokens_;
    const ParseOptions& options_;
};

}  // namespace query

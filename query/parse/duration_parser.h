// Durations and duration expressions: in brackets, and behind `offset`.
#pragma once

#include "query/ast.h"
#include "query/parse/token_stream.h"

namespace query {

class DurationParser {
  public:
    // `tokens` is borrowed.
    explicit DurationParser(TokenStream& tokens) : tokens_(tokens) {}

    // A range or a resolution: a constant must be at least a millisecond.
    [[nodiscard]] Parsed<DurationPtr> positive();

    // What follows `offset`: a number, a function or parentheses with at most one sign, and the
    // offset ends there: `foo offset 5m + 2` adds 2 to the value. What starts with two signs is a
    // whole duration expression; so is what starts with parentheses and no sign.
    [[nodiscard]] Parsed<DurationPtr> offset();

  private:
    [[nodiscard]] Parsed<DurationPtr> whole(int precedence_min = 1);
    [[nodiscard]] Parsed<DurationPtr> rest(DurationPtr lhs, int precedence_min);
    [[nodiscard]] Parsed<DurationPtr> binary(DurationPtr lhs, const Token& op);
    [[nodiscard]] Parsed<DurationPtr> operand();
    [[nodiscard]] Parsed<DurationPtr> atom();
    [[nodiscard]] Parsed<DurationPtr> literal();
    [[nodiscard]] Parsed<DurationPtr> function();
    [[nodiscard]] Parsed<DurationPtr> parenthesized();

    TokenStream& tokens_;
};

// What selectors keep: milliseconds of a number, the expression of anything else.
[[nodiscard]] DurationSpec spec_of(DurationPtr expr);

}  // namespace query

// Which labels count: the modifiers of binary operators and of aggregations.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "query/ast.h"
#include "query/parse/token_stream.h"

namespace query {

// `by (a, b)` or `without (a, b)`.
struct Grouping {
    std::vector<std::string> labels;
    bool without = false;
    int32_t end = 0;  // behind its parenthesis
};

// What stands between a binary operator and its right operand.
struct BinaryModifiers {
    bool return_bool = false;
    VectorMatching matching;
};

class MatchingParser {
  public:
    // `tokens` is borrowed.
    explicit MatchingParser(TokenStream& tokens) : tokens_(tokens) {}

    [[nodiscard]] Parsed<BinaryModifiers> binary_modifiers();

    // Nothing when the next token is neither `by` nor `without`.
    [[nodiscard]] Parsed<std::optional<Grouping>> aggregate_modifier();

  private:
    [[nodiscard]] Parsed<Grouping> grouping_labels();
    [[nodiscard]] Parsed<std::string> grouping_label();
    [[nodiscard]] Parsed<void> group_modifier(VectorMatching& matching);
    [[nodiscard]] Parsed<void> fill_modifiers(VectorMatching& matching);
    [[nodiscard]] Parsed<double> fill_value();

    TokenStream& tokens_;
};

}  // namespace query

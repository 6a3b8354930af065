// Selectors without their modifiers, and metrics with labels.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "model/labels.h"
#include "query/ast.h"
#include "query/parse/token_stream.h"

namespace query {

class SelectorParser {
  public:
    // `tokens` is borrowed.
    explicit SelectorParser(TokenStream& tokens) : tokens_(tokens) {}

    // `name{…}`. `name` has been taken, or is null and the braces come first.
    [[nodiscard]] Parsed<ExprPtr> selector(const Token* name);

    // A selector and nothing else.
    [[nodiscard]] Parsed<std::vector<MatcherSpec>> whole();

    // A metric with labels. With `rest`, what follows it is left there unread; without, it must be
    // the end.
    [[nodiscard]] Parsed<model::Labels> metric(std::string_view* rest);

  private:
    [[nodiscard]] Parsed<int32_t> matchers(std::vector<MatcherSpec>& out);
    [[nodiscard]] Parsed<MatcherSpec> matcher();
    [[nodiscard]] Parsed<void> label_set(model::LabelsBuilder& labels);
    [[nodiscard]] Parsed<void> label(model::LabelsBuilder& labels);

    TokenStream& tokens_;
};

}  // namespace query

// From the text of a PromQL query to a checked tree.
//
// The grammar, the order in which errors are found and their wording are those of Prometheus 3.14;
// the first error is the one reported. Hostile text is safe: time is linear but for regular
// expressions, and depth and size have limits.
//   threads  all functions are pure
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "model/labels.h"
#include "query/ast.h"
#include "query/parse_error.h"

namespace query {

// Limits; errors name them.
inline constexpr size_t kQueryBytesMax = 1024 * 1024;
inline constexpr uint32_t kNestingMax =
    500;  // parentheses, signs, arguments, powers in one another
inline constexpr uint16_t kTreeHeightMax = 1000;  // also bounds `a + b + c + …`

// What of the language is switched on (feature flags of the same names).
struct ParseOptions {
    bool experimental_functions = false;    // promql-experimental-functions
    bool extended_range_selectors = false;  // promql-extended-range-selectors: anchored, smoothed
    bool binop_fill_modifiers = false;      // promql-binop-fill-modifiers: fill(), fill_left(), …

    [[nodiscard]] static ParseOptions everything() { return {true, true, true}; }
};

// A whole query: syntax, types and meaning checked.
[[nodiscard]] Parsed<ExprPtr> parse_expr(std::string_view query, const ParseOptions& options = {});

// The same with the error as text, "1:5: parse error: …".
[[nodiscard]] base::Result<ExprPtr> parse_query(std::string_view query,
                                                const ParseOptions& options = {});

// A series selector without modifiers, as in `match[]`: `up{job="a"}`. It may match everything.
[[nodiscard]] Parsed<std::vector<MatcherSpec>> parse_selector(std::string_view text);

// A metric with its labels: `up{job="a"}`, `{job="a"}`, `up`.
[[nodiscard]] Parsed<model::Labels> parse_metric(std::string_view text);

// The same at the start of a longer text, as series descriptions have it; `rest` is what follows.
[[nodiscard]] Parsed<model::Labels> parse_metric_prefix(std::string_view text,
                                                        std::string_view& rest);

}  // namespace query

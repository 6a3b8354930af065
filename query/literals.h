// The values of literals: numbers, durations and strings, from their tokens.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace query {

// A number as the lexer lets it through: 1_000, .5, 2., 1e3, 0x1f, 017 (octal), inf, nan.
//   errors  kInvalid: digits missing, or beyond the range
[[nodiscard]] base::Result<double> parse_number(std::string_view text);

// A duration in seconds.
//   errors  kInvalid, as base::parse_duration_ms
[[nodiscard]] base::Result<double> parse_duration_seconds(std::string_view text);

// The text of a string token: without its quotes, escapes replaced. `\x` and octal escapes are
// bytes, so the result need not be UTF-8.
[[nodiscard]] std::string unquote(std::string_view token);

}  // namespace query

// Numbers in text from outside: exposition values, parameters, flags.
#pragma once

#include <cstdint>
#include <string_view>

namespace base {

// A double in Go's ParseFloat syntax without hexadecimal and underscores: optional sign, decimal
// digits with optional point and exponent, or inf, infinity, nan in any case (NaN unsigned).
// Correctly rounded; beyond the range of a double the result is an infinity and the text is
// refused, as Go does. returns  false when `text` is anything else; `out` is untouched then. A NaN
// is always 0x7ff8000000000001.
[[nodiscard]] bool parse_float(std::string_view text, double& out);

// Decimal digits with an optional sign. returns  false when the text is anything else or does not
// fit
[[nodiscard]] bool parse_integer(std::string_view text, int64_t& out);
[[nodiscard]] bool parse_natural(std::string_view text, uint64_t& out);

}  // namespace base

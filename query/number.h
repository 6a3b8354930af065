// Numbers as text, the way the API and the annotations spell them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace query {

// Shortest decimal digits that read back as `value`, never with an exponent; "NaN", "+Inf", "-Inf".
[[nodiscard]] std::string format_plain(double value);

// Shortest digits, with an exponent below 1e-4 and from 1e6 on (`%g` of an annotation).
[[nodiscard]] std::string format_general(double value);

// As format_general, but whole numbers end in ".0": the value of a bucket or quantile label.
[[nodiscard]] std::string format_label_value(double value);

// A float as a label such as `le` may spell it: decimal, hexadecimal, inf, nan; the whole text.
[[nodiscard]] std::optional<double> parse_float(std::string_view text);

}  // namespace query

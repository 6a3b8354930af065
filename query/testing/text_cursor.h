// Reading small notations from the front of a text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace query::testing {

// Removes `prefix` from the front of `text`, if it is there.
[[nodiscard]] bool take(std::string_view& text, std::string_view prefix);

void skip_spaces(std::string_view& text);

// Removes everything up to the next space, or to the end.
[[nodiscard]] std::string_view take_word(std::string_view& text);

// The next word, spaces before it removed as well.
[[nodiscard]] std::string_view next_word(std::string_view& text);

// Without space at both ends.
[[nodiscard]] std::string_view trim(std::string_view text);

// A duration, in milliseconds; `what` it is for, in errors: "step".
[[nodiscard]] base::Result<int64_t> parse_time(std::string_view text, std::string_view what);

// Removes letters, digits and underscores.
[[nodiscard]] std::string_view take_name(std::string_view& text);

// A decimal number, `inf` or `nan` (in any case), with an optional sign.
//   errors  kInvalid, with the text that is no number
[[nodiscard]] base::Result<double> take_number(std::string_view& text);

// Digits only.
//   errors  kInvalid: none, or beyond 64 bits
[[nodiscard]] base::Result<uint64_t> take_count(std::string_view& text);

}  // namespace query::testing

// UTF-8: is it valid, and how long is a character.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace base {

// True for well-formed UTF-8 (Unicode 15, table 3-7): no surrogates, no overlong forms. Plain ASCII
// costs one look per eight bytes.
[[nodiscard]] bool is_valid_utf8(std::string_view text);

// Bytes of the well-formed character at the start of `text`; 0 when there is none.
[[nodiscard]] size_t utf8_length(std::string_view text);

// `text` with every byte that belongs to no character replaced by U+FFFD, as Go ranges over a
// string.
[[nodiscard]] std::string to_valid_utf8(std::string_view text);

}  // namespace base

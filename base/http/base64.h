// Base64 (RFC 4648 §4) for Authorization headers.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace base::http {

[[nodiscard]] std::string base64_encode(std::string_view bytes);
// errors  kInvalid: not base64
[[nodiscard]] Result<std::string> base64_decode(std::string_view text);

}  // namespace base::http

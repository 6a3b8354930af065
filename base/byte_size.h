// Sizes as Prometheus writes them: 512MB, 10GiB; always powers of 1024.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace base {

// One or more numbers (a fraction is allowed) with units B, KB, MB, GB, TB, PB, EB or KiB … EiB, or
// "0". returns  bytes.  errors  kInvalid
[[nodiscard]] Result<int64_t> parse_byte_size(std::string_view text);

// "512MiB", "1GiB512MiB", "0B".
[[nodiscard]] std::string format_byte_size(int64_t bytes);

}  // namespace base

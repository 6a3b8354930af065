// Durations as Prometheus writes them: 1h30m, 15s, 2w.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace base {

// Years (365 d), weeks, days, hours, minutes, seconds, milliseconds, in this order, each at most
// once; or "0".
//   returns  milliseconds, >= 0
//   errors   kInvalid for any other text, and beyond kDurationMaxMs
[[nodiscard]] Result<int64_t> parse_duration_ms(std::string_view text);

inline constexpr int64_t kDurationMaxMs = INT64_MAX / 1'000'000;  // what fits into 64 bits of ns

// The same text a Prometheus prints: "1h30m", "90s" as "1m30s", "0s". Years and weeks only where
// they divide the rest.
[[nodiscard]] std::string format_duration_ms(int64_t duration_ms);

// As Go prints a time.Duration: "1h2m3.5s", "1.5ms", "0s".
[[nodiscard]] std::string format_go_duration_ns(int64_t duration_ns);

}  // namespace base

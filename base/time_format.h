// Points in time as text: RFC 3339 with as many fraction digits as needed, as Prometheus prints.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace base {

// "2026-01-02T03:04:05.678Z": fraction digits without trailing zeros, none when zero.
void append_rfc3339_ns(std::string& out, int64_t unix_ns);
// The same for milliseconds, which reach further; years outside 0 .. 9999 print with more digits.
void append_rfc3339_ms(std::string& out, int64_t unix_ms);
// Always three fraction digits: log lines.
void append_rfc3339_fixed_ms(std::string& out, int64_t unix_ms);

[[nodiscard]] std::string format_rfc3339_ns(int64_t unix_ns);
[[nodiscard]] std::string format_rfc3339_ms(int64_t unix_ms);

// Date, time with any number of fraction digits, "Z" or an offset.
//   errors  kInvalid; for ns also when the moment does not fit (before 1677, after 2262)
[[nodiscard]] Result<int64_t> parse_rfc3339_ns(std::string_view text);
// Digits below the millisecond are cut off, towards the past.
[[nodiscard]] Result<int64_t> parse_rfc3339_ms(std::string_view text);

}  // namespace base

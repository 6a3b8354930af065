// Numbers as Prometheus prints them. All functions append; shortest digits that read back as the
// same double.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace base {

// A sample value in the HTTP API: plain decimals, exponent form when |v| < 1e-6 or |v| >= 1e21;
// "NaN", "+Inf", "-Inf". The caller adds the quotes.
void append_sample_value(std::string& out, double value);

// Plain decimals whatever the magnitude (Go's 'f', -1).
void append_float_f(std::string& out, double value);

// Exponent form: 1.5e+06 (Go's 'e', -1).
void append_float_e(std::string& out, double value);

// Plain decimals, exponent form when the decimal exponent is below -4 or at least 6 (Go's 'g', -1):
// values of metrics pages, le and quantile labels.
void append_float_g(std::string& out, double value);

// Milliseconds as seconds: "1", "1.100", "-0.500".
void append_timestamp_ms(std::string& out, int64_t timestamp_ms);

// The same from `at` on, where there is room for so many bytes; they return the end.
inline constexpr size_t kSampleValueMax = 64;
[[nodiscard]] char* write_sample_value(char* at, double value);
inline constexpr size_t kTimestampMax = 40;
[[nodiscard]] char* write_timestamp_ms(char* at, int64_t timestamp_ms);

void append_integer(std::string& out, int64_t value);
void append_natural(std::string& out, uint64_t value);

}  // namespace base

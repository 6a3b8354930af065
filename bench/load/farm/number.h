// Numbers as Go's strconv.FormatFloat(v, 'g', -1, 64) writes them, which is what exporters send.
// Written apart from base/float_format.h: what feeds the product must not share its mistakes, and
// decimals known as such need no search for the shortest digits.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bench {

// No number is longer: sign, 17 digits, point, "e-308".
inline constexpr size_t kNumberMax = 32;

// Writes mantissa / 10^decimals to out and returns the end.
//   out        room for kNumberMax bytes
//   mantissa   at most 15 significant digits, so that the text is the shortest one of its double
//   decimals   0 .. 15
char* write_decimal(char* out, int64_t mantissa, unsigned decimals);

// Writes a finite double; out has room for kNumberMax bytes. Returns the end.
char* write_double(char* out, double value);

}  // namespace bench

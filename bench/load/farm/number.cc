#include "bench/load/farm/number.h"

#include <charconv>
#include <cstring>

#include "base/check.h"

namespace bench {
namespace {

// Go leaves the plain notation below 10^-4 and from 10^6 on (strconv/ftoa.go, %g, shortest).
constexpr int kExponentMin = -4;
constexpr int kExponentMax = 6;

char* write_exponent(char* out, int exponent) {
    *out++ = 'e';
    *out++ = exponent < 0 ? '-' : '+';
    const int magnitude = exponent < 0 ? -exponent : exponent;
    if (magnitude < 10) {
        *out++ = '0';
    }
    return std::to_chars(out, out + 4, magnitude).ptr;
}

char* write_scientific(char* out, const char* digits, int count, int exponent) {
    *out++ = digits[0];
    if (count > 1) {
        *out++ = '.';
        std::memcpy(out, digits + 1, static_cast<size_t>(count - 1));
        out += count - 1;
    }
    return write_exponent(out, exponent);
}

char* write_plain(char* out, const char* digits, int count, int exponent) {
    if (exponent < 0) {
        *out++ = '0';
        *out++ = '.';
        for (int zeros = -exponent - 1; zeros > 0; --zeros) {
            *out++ = '0';
        }
        std::memcpy(out, digits, static_cast<size_t>(count));
        return out + count;
    }
    for (int i = 0; i < count || i <= exponent; ++i) {
        if (i == exponent + 1) {
            *out++ = '.';
        }
        *out++ = i < count ? digits[i] : '0';
    }
    return out;
}

// digits: no leading and no trailing zeros; value = d.ddd × 10^exponent.
char* write_digits(char* out, const char* digits, int count, int exponent) {
    if (exponent < kExponentMin || exponent >= kExponentMax) {
        return write_scientific(out, digits, count, exponent);
    }
    return write_plain(out, digits, count, exponent);
}

}  // namespace

char* write_decimal(char* out, int64_t mantissa, unsigned decimals) {
    if (mantissa == 0) {
        *out++ = '0';
        return out;
    }
    if (mantissa < 0) {
        *out++ = '-';
        mantissa = -mantissa;
    }
    char digits[24];
    int count =
        static_cast<int>(std::to_chars(digits, digits + sizeof digits, mantissa).ptr - digits);
    const int exponent = count - 1 - static_cast<int>(decimals);
    while (digits[count - 1] == '0') {
        --count;
    }
    return write_digits(out, digits, count, exponent);
}

char* write_double(char* out, double value) {
    if (value == 0) {
        *out++ = '0';
        return out;
    }
    if (value < 0) {
        *out++ = '-';
        value = -value;
    }
    // "d.ddde±xx", the shortest digits that give the same double.
    char text[kNumberMax];
    const auto [end, error] =
        std::to_chars(text, text + sizeof text, value, std::chars_format::scientific);
    SKEIN_CHECK(error == std::errc(), "finite doubles fit", value);
    char digits[kNumberMax];
    int count = 0;
    const char* at = text;
    for (; *at != 'e'; ++at) {
        if (*at != '.') {
            digits[count++] = *at;
        }
    }
    int exponent = 0;
    ++at;  // 'e'
    std::from_chars(*at == '+' ? at + 1 : at, end, exponent);
    return write_digits(out, digits, count, exponent);
}

}  // namespace bench

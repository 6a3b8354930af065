// Sample values as exporters write them: whole numbers and short decimals by hand, everything else
// by base::parse_float.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace scrape {

// Bytes that must be readable behind the start of a value for plain_value().
inline constexpr size_t kPlainValueMax = 32;

namespace detail {

inline constexpr std::array<double, 23> kPowersOfTen = {
    1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

inline bool is_digit(char byte) {
    return static_cast<uint8_t>(byte - '0') < 10;
}

inline const char* digits(const char* at, uint64_t& mantissa) {
    while (is_digit(*at)) {
        mantissa = mantissa * 10 + static_cast<uint8_t>(*at - '0');
        ++at;
    }
    return at;
}

}  // namespace detail

// Reads [-]digits[.digits][e±dd] when the decimal significand fits into 15 digits and the power of
// ten is exact (|e| <= 22): then one multiplication or division rounds correctly (Clinger, PLDI
// 1990, fast path). At least kPlainValueMax bytes are readable from `at`.
//   returns  the byte behind the value, or nullptr: not of this form, `out` untouched
[[nodiscard]] inline const char* plain_value(const char* at, double& out) {
    constexpr std::ptrdiff_t kDigitsMax = 15;
    const bool negative = *at == '-';
    at += negative ? 1 : 0;
    const char* const first = at;
    uint64_t mantissa = 0;
    // The digits may run on beyond the 15; they then end at a byte that is none, at the latest
    // behind the page, because the caller checked the line's length; so look at few of them only.
    const char* const limit = first + kDigitsMax + 1;
    while (at < limit && detail::is_digit(*at)) {
        mantissa = mantissa * 10 + static_cast<uint8_t>(*at - '0');
        ++at;
    }
    std::ptrdiff_t count = at - first;
    int exponent = 0;
    if (*at == '.') {
        const char* const fraction = ++at;
        while (at <= limit && detail::is_digit(*at)) {
            mantissa = mantissa * 10 + static_cast<uint8_t>(*at - '0');
            ++at;
        }
        exponent = -static_cast<int>(at - fraction);
        count += at - fraction;
    }
    if (count == 0 || count > kDigitsMax) [[unlikely]] {
        return nullptr;
    }
    if (*at == 'e') {
        const bool down = at[1] == '-';
        at += at[1] == '-' || at[1] == '+' ? 2 : 1;
        if (!detail::is_digit(at[0])) [[unlikely]] {
            return nullptr;
        }
        int power = *at++ - '0';
        if (detail::is_digit(*at)) {
            power = power * 10 + (*at++ - '0');
        }
        if (detail::is_digit(*at)) [[unlikely]] {
            return nullptr;
        }
        exponent += down ? -power : power;
    }
    const auto value = static_cast<double>(mantissa);
    double scaled = value;
    if (exponent < 0) {
        if (exponent < -22) [[unlikely]] {
            return nullptr;
        }
        scaled = value / detail::kPowersOfTen[static_cast<size_t>(-exponent)];
    } else if (exponent > 0) {
        if (exponent > 22) [[unlikely]] {
            return nullptr;
        }
        scaled = value * detail::kPowersOfTen[static_cast<size_t>(exponent)];
    }
    out = negative ? -scaled : scaled;
    return at;
}

}  // namespace scrape

// Most values of an exposition have few digits: those are exact as mantissa × or ÷ a power of ten
// (Clinger, "How to read floating point numbers accurately"). The rest goes to fast_float.
#include "base/number.h"

#include <array>
#include <bit>
#include <charconv>
#include <cmath>

#include <fast_float/fast_float.h>

namespace base {

namespace {

constexpr uint64_t kNormalNan = 0x7ff8000000000001;
constexpr uint64_t kExactMantissaMax = uint64_t{1} << 53;
constexpr int kExactPowerMax = 22;  // 10^22 is the last power of ten that a double holds exactly
constexpr int kMantissaDigitsMax = 19;
constexpr int kExponentMax = 100'000;  // beyond every double; keeps the arithmetic from overflowing
constexpr std::array<double, kExactPowerMax + 1> kPowers{
    1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

bool is_digit(char c) {
    return static_cast<unsigned>(c - '0') < 10;
}

// The syntax read, and the value where it is cheap.
struct Scanned {
    uint64_t mantissa = 0;
    int digits = 0;    // significant ones in the mantissa
    int exponent = 0;  // of ten
    bool exact = true;
    bool valid = false;
};

void scan_digit(Scanned& scanned, char c, bool fraction) {
    if (scanned.digits < kMantissaDigitsMax) {
        scanned.mantissa = scanned.mantissa * 10 + static_cast<uint64_t>(c - '0');
        scanned.digits += scanned.mantissa != 0 ? 1 : 0;
        scanned.exponent -= fraction ? 1 : 0;
    } else {
        scanned.exact = false;
    }
}

// digits [. digits] [e [sign] digits], the whole of [at, end)
Scanned scan(const char* at, const char* end) {
    Scanned scanned;
    const char* const start = at;
    for (; at != end && is_digit(*at); ++at) {
        scan_digit(scanned, *at, false);
    }
    auto digits_seen = at - start;
    if (at != end && *at == '.') {
        const char* const fraction = ++at;
        for (; at != end && is_digit(*at); ++at) {
            scan_digit(scanned, *at, true);
        }
        digits_seen += at - fraction;
    }
    if (digits_seen == 0) {
        return scanned;
    }
    if (at != end && (*at == 'e' || *at == 'E')) {
        ++at;
        const bool negative = at != end && *at == '-';
        if (at != end && (*at == '-' || *at == '+')) {
            ++at;
        }
        if (at == end) {
            return scanned;
        }
        int exponent = 0;
        for (; at != end && is_digit(*at); ++at) {
            if (exponent < kExponentMax) {
                exponent = exponent * 10 + (*at - '0');
            } else {
                scanned.exact = false;
            }
        }
        scanned.exponent += negative ? -exponent : exponent;
    }
    scanned.valid = at == end;
    return scanned;
}

bool equals_folded(const char* at, const char* end, std::string_view lower) {
    if (static_cast<size_t>(end - at) != lower.size()) {
        return false;
    }
    for (const char c : lower) {
        if ((*at++ | 0x20) != c) {
            return false;
        }
    }
    return true;
}

bool parse_special(const char* at, const char* end, bool has_sign, bool negative, double& out) {
    if (equals_folded(at, end, "inf") || equals_folded(at, end, "infinity")) {
        out = negative ? -HUGE_VAL : HUGE_VAL;
        return true;
    }
    if (!has_sign && equals_folded(at, end, "nan")) {
        out = std::bit_cast<double>(kNormalNan);
        return true;
    }
    return false;
}

// Text that scan() found valid, without its sign.
bool parse_slow(const char* at, const char* end, bool negative, double& out) {
    double value = 0;
    const auto read = fast_float::from_chars(at, end, value);
    if (read.ptr != end || std::isinf(value)) {
        return false;
    }
    out = negative ? -value : value;
    return true;
}

template <class Integer>
bool parse_whole(std::string_view text, Integer& out) {
    if (text.starts_with('+')) {
        text.remove_prefix(1);
        if (text.starts_with('-')) {
            return false;
        }
    }
    Integer value = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    if (read.ec != std::errc() || read.ptr != text.data() + text.size()) {
        return false;
    }
    out = value;
    return true;
}

}  // namespace

bool parse_float(std::string_view text, double& out) {
    const char* at = text.data();
    const char* const end = at + text.size();
    if (at == end) {
        return false;
    }
    const bool negative = *at == '-';
    const bool has_sign = negative || *at == '+';
    at += has_sign ? 1 : 0;
    const Scanned scanned = scan(at, end);
    if (!scanned.valid) [[unlikely]] {
        return parse_special(at, end, has_sign, negative, out);
    }
    if (scanned.exact && scanned.mantissa <= kExactMantissaMax &&
        scanned.exponent >= -kExactPowerMax && scanned.exponent <= kExactPowerMax) [[likely]] {
        auto value = static_cast<double>(scanned.mantissa);
        if (scanned.exponent < 0) {
            value /= kPowers[static_cast<size_t>(-scanned.exponent)];
        } else {
            value *= kPowers[static_cast<size_t>(scanned.exponent)];
        }
        out = negative ? -value : value;
        return true;
    }
    return parse_slow(at, end, negative, out);
}

bool parse_integer(std::string_view text, int64_t& out) {
    return parse_whole(text, out);
}

bool parse_natural(std::string_view text, uint64_t& out) {
    return parse_whole(text, out);
}

}  // namespace base

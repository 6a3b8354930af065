#include "base/float_format.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <string_view>

namespace base {

namespace {

// Whole numbers below this print digit for digit; every one of them is exact in a double.
constexpr double kWholeMax = 1e15;
// From here on append_float_g() uses the exponent form.
constexpr int kGeneralExponentMax = 6;
constexpr double kGeneralWholeMax = 1e6;
// Sign, 17 digits, point, exponent.
constexpr size_t kScientificMax = 32;

// The shortest decimal that reads back: 0.DIGITS × 10^point.
struct Decimal {
    bool negative = false;
    std::array<char, kScientificMax> digits{};
    int count = 0;
    int point = 0;

    [[nodiscard]] std::string_view text() const {
        return {digits.data(), static_cast<size_t>(count)};
    }
};

Decimal shortest(double value) {
    std::array<char, kScientificMax> text{};
    const auto end =
        std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::scientific);
    Decimal decimal;
    const char* at = text.data();
    if (*at == '-') {
        decimal.negative = true;
        ++at;
    }
    for (; at != end.ptr && *at != 'e'; ++at) {
        if (*at != '.') {
            decimal.digits[static_cast<size_t>(decimal.count++)] = *at;
        }
    }
    ++at;  // 'e'
    if (*at == '+') {
        ++at;
    }
    int exponent = 0;
    std::from_chars(at, end.ptr, exponent);
    decimal.point = exponent + 1;
    return decimal;
}

void append_plain(std::string& out, const Decimal& decimal) {
    if (decimal.negative) {
        out.push_back('-');
    }
    const std::string_view digits = decimal.text();
    if (decimal.point <= 0) {
        out.append("0.");
        out.append(static_cast<size_t>(-decimal.point), '0');
        out.append(digits);
    } else if (decimal.point >= decimal.count) {
        out.append(digits);
        out.append(static_cast<size_t>(decimal.point - decimal.count), '0');
    } else {
        const auto whole = static_cast<size_t>(decimal.point);
        out.append(digits.substr(0, whole));
        out.push_back('.');
        out.append(digits.substr(whole));
    }
}

void append_exponent_form(std::string& out, const Decimal& decimal) {
    if (decimal.negative) {
        out.push_back('-');
    }
    const std::string_view digits = decimal.text();
    out.push_back(digits[0]);
    if (digits.size() > 1) {
        out.push_back('.');
        out.append(digits.substr(1));
    }
    const int exponent = decimal.point - 1;
    out.push_back('e');
    out.push_back(exponent < 0 ? '-' : '+');
    const int magnitude = std::abs(exponent);
    if (magnitude < 10) {
        out.push_back('0');  // at least two digits
    }
    append_integer(out, magnitude);
}

// NaN and infinities. returns  false for every other number
bool append_special(std::string& out, double value) {
    if (std::isnan(value)) {
        out.append("NaN");
        return true;
    }
    if (std::isinf(value)) {
        out.append(value > 0 ? "+Inf" : "-Inf");
        return true;
    }
    return false;
}

// Whole numbers below `below` (at most kWholeMax) and zero. returns  false for every other number
bool append_whole(std::string& out, double value, double below) {
    if (!(std::fabs(value) < below) || value != std::trunc(value)) {
        return false;
    }
    if (value == 0 && std::signbit(value)) {
        out.append("-0");
    } else {
        append_integer(out, static_cast<int64_t>(value));
    }
    return true;
}

}  // namespace

void append_sample_value(std::string& out, double value) {
    if (append_whole(out, value, kWholeMax) || append_special(out, value)) {
        return;
    }
    const double magnitude = std::fabs(value);
    const Decimal decimal = shortest(value);
    if (magnitude < 1e-6 || magnitude >= 1e21) {
        append_exponent_form(out, decimal);
    } else {
        append_plain(out, decimal);
    }
}

void append_float_f(std::string& out, double value) {
    if (append_whole(out, value, kWholeMax) || append_special(out, value)) {
        return;
    }
    append_plain(out, shortest(value));
}

void append_float_e(std::string& out, double value) {
    if (!append_special(out, value)) {
        append_exponent_form(out, shortest(value));
    }
}

void append_float_g(std::string& out, double value) {
    if (append_whole(out, value, kGeneralWholeMax) || append_special(out, value)) {
        return;
    }
    const Decimal decimal = shortest(value);
    const int exponent = decimal.point - 1;
    if (exponent < -4 || exponent >= kGeneralExponentMax) {
        append_exponent_form(out, decimal);
    } else {
        append_plain(out, decimal);
    }
}

void append_timestamp_ms(std::string& out, int64_t timestamp_ms) {
    uint64_t magnitude = static_cast<uint64_t>(timestamp_ms);
    if (timestamp_ms < 0) {
        out.push_back('-');
        magnitude = 0 - magnitude;
    }
    append_natural(out, magnitude / 1000);
    const auto fraction = static_cast<unsigned>(magnitude % 1000);
    if (fraction != 0) {
        out.push_back('.');
        out.push_back(static_cast<char>('0' + fraction / 100));
        out.push_back(static_cast<char>('0' + fraction / 10 % 10));
        out.push_back(static_cast<char>('0' + fraction % 10));
    }
}

void append_integer(std::string& out, int64_t value) {
    std::array<char, 24> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value);
    out.append(text.data(), end.ptr);
}

void append_natural(std::string& out, uint64_t value) {
    std::array<char, 24> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value);
    out.append(text.data(), end.ptr);
}

}  // namespace base

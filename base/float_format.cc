#include "base/float_format.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace base {

namespace {

// Whole numbers below this print digit for digit; every one of them is exact in a double.
constexpr double kWholeMax = 1e15;
// From here on append_float_g() uses the exponent form.
constexpr int kGeneralExponentMax = 6;
constexpr double kFractionMin = 1e-4;
constexpr double kGeneralWholeMax = 1e6;
// Sign, 17 digits, point, exponent.
constexpr size_t kScientificMax = 32;
// Sign, "0.", zeros of the smallest number, 17 digits.
constexpr size_t kPlainMax = 360;

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

// All functions below that write do so from `at` on, where there is room, and return the end.

char* write_text(char* at, std::string_view text) {
    return std::copy(text.begin(), text.end(), at);
}

char* write_plain(char* at, const Decimal& decimal) {
    if (decimal.negative) {
        *at++ = '-';
    }
    const std::string_view digits = decimal.text();
    if (decimal.point <= 0) {
        at = write_text(at, "0.");
        at = std::fill_n(at, -decimal.point, '0');
        return write_text(at, digits);
    }
    if (decimal.point >= decimal.count) {
        at = write_text(at, digits);
        return std::fill_n(at, decimal.point - decimal.count, '0');
    }
    const auto whole = static_cast<size_t>(decimal.point);
    at = write_text(at, digits.substr(0, whole));
    *at++ = '.';
    return write_text(at, digits.substr(whole));
}

char* write_natural(char* at, uint64_t value) {
    return std::to_chars(at, at + kScientificMax, value).ptr;
}

char* write_exponent_form(char* at, const Decimal& decimal) {
    if (decimal.negative) {
        *at++ = '-';
    }
    const std::string_view digits = decimal.text();
    *at++ = digits[0];
    if (digits.size() > 1) {
        *at++ = '.';
        at = write_text(at, digits.substr(1));
    }
    const int exponent = decimal.point - 1;
    *at++ = 'e';
    *at++ = exponent < 0 ? '-' : '+';
    const int magnitude = std::abs(exponent);
    if (magnitude < 10) {
        *at++ = '0';  // at least two digits
    }
    return write_natural(at, static_cast<uint64_t>(magnitude));
}

// NaN and infinities. returns  null for every other number
char* write_special(char* at, double value) {
    if (std::isnan(value)) {
        return write_text(at, "NaN");
    }
    if (std::isinf(value)) {
        return write_text(at, value > 0 ? "+Inf" : "-Inf");
    }
    return nullptr;
}

// Whole numbers below `below` (at most kWholeMax) and zero. returns  null for every other number
char* write_whole(char* at, double value, double below) {
    if (!(std::fabs(value) < below) || value != std::trunc(value)) {
        return nullptr;
    }
    if (std::signbit(value)) {
        *at++ = '-';
    }
    return write_natural(at, static_cast<uint64_t>(std::fabs(value)));
}

constexpr uint64_t kZeroDigits = 0x3030'3030'3030'3030;

// The eight digits of a number below 10^8, the first one in the lowest byte.
uint64_t eight_digits(uint32_t number) {
    // In lanes that are halved twice: numbers of four, two, one digit. A product with a rounded-up
    // reciprocal is exact for numbers as small as a lane's.
    const uint64_t fours = number / 10'000 | uint64_t{number % 10'000} << 32;
    const uint64_t hundreds = (fours * 10'486 >> 20) & 0x0000'007f'0000'007f;
    const uint64_t twos = hundreds | (fours - hundreds * 100) << 16;
    const uint64_t tens = (twos * 103 >> 10) & 0x000f'000f'000f'000f;
    const uint64_t ones = tens | (twos - tens * 10) << 8;
    return ones | kZeroDigits;
}

char* write_word(char* at, uint64_t word) {
    static_assert(std::endian::native == std::endian::little);
    std::memcpy(at, &word, sizeof(word));
    return at + sizeof(word);
}

// The last `count` of the 24 digits of a number, one at least, without zeros at their end. Needs
// room for 24.
char* write_fraction_digits(char* at, uint64_t number, size_t count) {
    constexpr uint64_t kEight = 100'000'000;
    constexpr size_t kBits = 8;  // of a digit
    uint64_t last = eight_digits(static_cast<uint32_t>(number % kEight));
    if (count <= 8) {
        at = write_word(at, last >> (8 - count) * kBits) - (8 - count);
    } else {
        const uint64_t front = number / kEight;
        const uint64_t middle = eight_digits(static_cast<uint32_t>(front % kEight));
        if (count <= 16) {
            at = write_word(at, middle >> (16 - count) * kBits) - (16 - count);
        } else {
            const uint64_t first = eight_digits(static_cast<uint32_t>(front / kEight));
            at = write_word(at, first >> (24 - count) * kBits) - (24 - count);
            at = write_word(at, middle);
        }
        at = write_word(at, last);
        if (last == kZeroDigits) {
            at -= 8;
            last = middle;
        }
    }
    at -= std::countl_zero(last ^ kZeroDigits) / kBits;
    while (at[-1] == '0') {
        --at;
    }
    return at;
}

constexpr auto kPowersOfFive = [] {
    std::array<uint64_t, 21> powers{1};
    for (size_t i = 1; i < powers.size(); ++i) {
        powers[i] = powers[i - 1] * 5;
    }
    return powers;
}();

// The last one is too large, and wraps.
constexpr auto kPowersOfTen = [] {
    std::array<uint64_t, 21> powers{1};
    for (size_t i = 1; i < powers.size(); ++i) {
        powers[i] = powers[i - 1] * 10;
    }
    return powers;
}();

// The decimal with the fewest digits that reads back as one double, and of these the one that is
// nearest to it: DIGITS ÷ 10^scale.
struct Fixed {
    uint64_t digits = 0;
    size_t scale = 0;
};

// Of a number that is not whole, positive, within [kFractionMin, kWholeMax) and no power of two:
// the doubles beside it are equally far away.
//
// The number is c × 2^q. Ten to the power of `scale` is chosen so that neighbours are one to ten
// units of the last place apart: then at most one multiple of ten reads back as the number, and is
// the shortest text, or none does, and the nearest unit is. Numbers of this size can be scaled
// without error: q >= -66, so five is raised to twenty at most, and a product has 101 bits.
Fixed shortest_fixed(double value) {
    constexpr int kMantissaBits = 52;
    constexpr int kBias = 1023 + kMantissaBits;
    const auto bits = std::bit_cast<uint64_t>(value);
    const uint64_t c = (bits & ((uint64_t{1} << kMantissaBits) - 1)) | uint64_t{1} << kMantissaBits;
    const int q = static_cast<int>(bits >> kMantissaBits) - kBias;
    // The least whole number that is not below -q × log10(2).
    const int scale = (-q * 78'913 >> 18) + 1;
    const uint64_t half_gap = kPowersOfFive[static_cast<size_t>(scale)];  // to a neighbour
    const int shift = 1 - q - scale;  // all of the below but `units` is in units ÷ 2^shift
    const auto scaled = static_cast<unsigned __int128>(2 * c) * half_gap;
    const auto units = static_cast<uint64_t>(scaled >> shift);
    const uint64_t rest = static_cast<uint64_t>(scaled) & ((uint64_t{1} << shift) - 1);
    const uint64_t last = units % 10;
    const auto reads_back = [&](uint64_t distance) {
        // Half-way between two doubles an even one is read.
        return distance < half_gap || (distance == half_gap && c % 2 == 0);
    };
    const uint64_t above_ten = (last << shift) + rest;
    if (reads_back(above_ten)) {
        return {units - last, static_cast<size_t>(scale)};
    }
    if (reads_back((uint64_t{10} << shift) - above_ten)) {
        return {units - last + 10, static_cast<size_t>(scale)};
    }
    const uint64_t half = uint64_t{1} << (shift - 1);
    const bool up = rest > half || (rest == half && units % 2 != 0);
    return {units + (up ? 1 : 0), static_cast<size_t>(scale)};
}

// Fractions of a common size, below `below` (at most kWholeMax). returns  null for every other
// number
char* write_fraction(char* at, double value, double below) {
    const double magnitude = std::fabs(value);
    if (!(magnitude >= kFractionMin && magnitude < below)) {
        return nullptr;
    }
    if ((std::bit_cast<uint64_t>(value) & ((uint64_t{1} << 52) - 1)) == 0) {
        return std::to_chars(at, at + kScientificMax, value, std::chars_format::fixed).ptr;
    }
    if (value < 0) {
        *at++ = '-';
    }
    const Fixed fixed = shortest_fixed(magnitude);
    // No whole number lies between the value and its text: it would read back better.
    const auto whole = static_cast<uint64_t>(magnitude);
    at = write_natural(at, whole);
    *at++ = '.';
    return write_fraction_digits(at, fixed.digits - whole * kPowersOfTen[fixed.scale], fixed.scale);
}

// Numbers below `below` (at most kWholeMax) of a common size, NaN and infinities: what all formats
// write alike. returns  null for every other number
char* write_common(char* at, double value, double below) {
    char* end = write_whole(at, value, below);
    end = end != nullptr ? end : write_fraction(at, value, below);
    return end != nullptr ? end : write_special(at, value);
}

char* write_float_f(char* at, double value) {
    char* const end = write_common(at, value, kWholeMax);
    return end != nullptr ? end : write_plain(at, shortest(value));
}

char* write_float_e(char* at, double value) {
    char* const end = write_special(at, value);
    return end != nullptr ? end : write_exponent_form(at, shortest(value));
}

char* write_float_g(char* at, double value) {
    char* const end = write_common(at, value, kGeneralWholeMax);
    if (end != nullptr) {
        return end;
    }
    const Decimal decimal = shortest(value);
    const int exponent = decimal.point - 1;
    return exponent < -4 || exponent >= kGeneralExponentMax ? write_exponent_form(at, decimal)
                                                            : write_plain(at, decimal);
}

// Appends what write(at, value) writes, at most `most` bytes.
template <size_t most, class Value>
void append(std::string& out, char* (*write)(char*, Value), Value value) {
    std::array<char, most> text;
    out.append(text.data(), write(text.data(), value));
}

}  // namespace

char* write_sample_value(char* at, double value) {
    char* const end = write_common(at, value, kWholeMax);
    if (end != nullptr) {
        return end;
    }
    const double magnitude = std::fabs(value);
    const Decimal decimal = shortest(value);
    return magnitude < 1e-6 || magnitude >= 1e21 ? write_exponent_form(at, decimal)
                                                 : write_plain(at, decimal);
}

char* write_timestamp_ms(char* at, int64_t timestamp_ms) {
    auto magnitude = static_cast<uint64_t>(timestamp_ms);
    if (timestamp_ms < 0) {
        *at++ = '-';
        magnitude = 0 - magnitude;
    }
    at = write_natural(at, magnitude / 1000);
    const auto fraction = static_cast<unsigned>(magnitude % 1000);
    if (fraction != 0) {
        *at++ = '.';
        *at++ = static_cast<char>('0' + fraction / 100);
        *at++ = static_cast<char>('0' + fraction / 10 % 10);
        *at++ = static_cast<char>('0' + fraction % 10);
    }
    return at;
}

void append_sample_value(std::string& out, double value) {
    append<kSampleValueMax>(out, write_sample_value, value);
}

void append_float_f(std::string& out, double value) {
    append<kPlainMax>(out, write_float_f, value);
}

void append_float_e(std::string& out, double value) {
    append<kScientificMax>(out, write_float_e, value);
}

void append_float_g(std::string& out, double value) {
    append<kScientificMax>(out, write_float_g, value);
}

void append_timestamp_ms(std::string& out, int64_t timestamp_ms) {
    append<kTimestampMax>(out, write_timestamp_ms, timestamp_ms);
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

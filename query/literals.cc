#include "query/literals.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <system_error>

#include "base/duration.h"
#include "base/rune.h"
#include "model/sample.h"

namespace query {
namespace {

using base::Code;
using base::Result;

auto bad_number(std::string_view text, std::string_view why) {
    return base::fail(
        base::Error(Code::kInvalid,
                    "error parsing number: \"" + std::string(text) + "\": " + std::string(why)));
}

std::string without_underscores(std::string_view text) {
    std::string out(text);
    std::erase(out, '_');
    return out;
}

bool is_octal(std::string_view digits) {
    return digits.size() > 1 && digits.front() == '0' &&
           std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '7'; });
}

Result<double> parse_whole(std::string_view text, std::string_view digits, int base_number) {
    int64_t value = 0;
    const auto* end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, value, base_number);
    if (error == std::errc::result_out_of_range) {
        return bad_number(text, "value out of range");
    }
    if (error != std::errc() || stop != end) {
        return bad_number(text, "invalid syntax");
    }
    return static_cast<double>(value);
}

char escaped_control(char kind) {
    switch (kind) {
        case 'a':
            return '\a';
        case 'b':
            return '\b';
        case 'f':
            return '\f';
        case 'n':
            return '\n';
        case 'r':
            return '\r';
        case 't':
            return '\t';
        case 'v':
            return '\v';
        default:
            return kind;
    }
}

uint32_t digits_value(std::string_view digits, int base_number) {
    uint32_t value = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), value, base_number);
    return value;
}

// Appends what the escape at the start of `text` (after its backslash) stands for; returns its
// length.
size_t append_escape(std::string& out, std::string_view text) {
    const char kind = text.front();
    if (kind >= '0' && kind <= '7') {
        out += static_cast<char>(digits_value(text.substr(0, 3), 8));
        return 3;
    }
    switch (kind) {
        case 'x':
            out += static_cast<char>(digits_value(text.substr(1, 2), 16));
            return 3;
        case 'u':
            base::append_rune(out, digits_value(text.substr(1, 4), 16));
            return 5;
        case 'U':
            base::append_rune(out, digits_value(text.substr(1, 8), 16));
            return 9;
        default:
            out += escaped_control(kind);
            return 1;
    }
}

}  // namespace

Result<double> parse_number(std::string_view text) {
    const char first = text.empty() ? '\0' : text.front();
    if (first == 'i' || first == 'I') {
        return std::numeric_limits<double>::infinity();
    }
    if (first == 'n' || first == 'N') {
        return model::kNormalNan;
    }
    if (text.ends_with('_')) {
        return bad_number(text, "invalid syntax");
    }
    const std::string plain = without_underscores(text);
    if (plain.starts_with("0x") || plain.starts_with("0X")) {
        return parse_whole(text, std::string_view(plain).substr(2), 16);
    }
    if (is_octal(plain)) {
        return parse_whole(text, plain, 8);
    }
    double value = 0;
    const auto* end = plain.data() + plain.size();
    const auto [stop, error] = std::from_chars(plain.data(), end, value);
    if (error == std::errc::result_out_of_range) {
        // Too small is zero, too large is an error.
        const auto exponent = plain.find_first_of("eE");
        if (exponent != std::string::npos && plain[exponent + 1] == '-') {
            return 0.0;
        }
        return bad_number(text, "value out of range");
    }
    if (error != std::errc() || stop != end) {
        return bad_number(text, "invalid syntax");
    }
    return value;
}

Result<double> parse_duration_seconds(std::string_view text) {
    constexpr double kMillisPerSecond = 1000;
    TRY(const int64_t millis, base::parse_duration_ms(text));
    return static_cast<double>(millis) / kMillisPerSecond;
}

std::string unquote(std::string_view token) {
    const char quote = token.front();
    std::string_view rest = token.substr(1, token.size() - 2);
    if (quote == '`') {
        return std::string(rest);
    }
    std::string out;
    out.reserve(rest.size());
    while (!rest.empty()) {
        const size_t plain = std::min(rest.find('\\'), rest.size());
        out.append(rest.substr(0, plain));
        rest.remove_prefix(plain);
        if (!rest.empty()) {
            rest.remove_prefix(1);
            rest.remove_prefix(append_escape(out, rest));
        }
    }
    return out;
}

}  // namespace query

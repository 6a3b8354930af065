#include "query/number.h"

#include <charconv>
#include <cmath>
#include <cstdlib>

#include "base/float_format.h"

namespace query {
namespace {

// Exponents from which `%g` with shortest digits switches to the exponent form.
constexpr int kExponentMin = -4;
constexpr int kExponentMax = 21;

std::optional<std::string> special(double value) {
    if (std::isnan(value)) {
        return "NaN";
    }
    if (std::isinf(value)) {
        return value > 0 ? "+Inf" : "-Inf";
    }
    return std::nullopt;
}

}  // namespace

std::string format_plain(double value) {
    if (auto text = special(value)) {
        return *text;
    }
    std::string out;
    base::append_float_f(out, value);
    return out;
}

std::string format_general(double value) {
    if (auto text = special(value)) {
        return *text;
    }
    if (value == 0) {
        return std::signbit(value) ? "-0" : "0";
    }
    char buffer[64];
    const auto end =
        std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific);
    const std::string text(buffer, end.ptr);
    const int exponent = std::atoi(text.c_str() + text.find('e') + 1);
    return exponent < kExponentMin || exponent >= kExponentMax ? text : format_plain(value);
}

std::string format_label_value(double value) {
    std::string text = format_general(value);
    if (text.find_first_not_of("-0123456789") == std::string::npos) {
        text += ".0";
    }
    return text;
}

std::optional<double> parse_float(std::string_view text) {
    if (text.empty() || text.size() > 512 || text.front() == ' ') {
        return std::nullopt;
    }
    const std::string copy(text);
    char* end = nullptr;
    const double value = std::strtod(copy.c_str(), &end);
    if (end != copy.c_str() + copy.size() || copy.find('(') != std::string::npos) {
        return std::nullopt;
    }
    return value;
}

}  // namespace query

#include "query/number.h"

#include <cmath>
#include <cstdlib>

#include "base/float_format.h"

namespace query {
namespace {

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
    std::string out;
    base::append_float_g(out, value);
    return out;
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

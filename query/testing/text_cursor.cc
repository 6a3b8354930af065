#include "query/testing/text_cursor.h"

#include <charconv>
#include <limits>
#include <string>
#include <system_error>

#include "base/duration.h"
#include "model/sample.h"

namespace query::testing {
namespace {

bool is_space(char c) {
    return c == ' ' || c == '\t';
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_name(char c) {
    return is_digit(c) || c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool equals_ignoring_case(std::string_view text, std::string_view lowered) {
    if (text.size() != lowered.size()) {
        return false;
    }
    for (size_t i = 0; i < text.size(); ++i) {
        if (lower(text[i]) != lowered[i]) {
            return false;
        }
    }
    return true;
}

auto no_number(std::string_view text) {
    constexpr size_t kShownMax = 40;
    return base::fail(base::Code::kInvalid,
                      "expected a number at",
                      '"' + std::string(text.substr(0, kShownMax)) + '"');
}

}  // namespace

bool take(std::string_view& text, std::string_view prefix) {
    if (!text.starts_with(prefix)) {
        return false;
    }
    text.remove_prefix(prefix.size());
    return true;
}

void skip_spaces(std::string_view& text) {
    while (!text.empty() && is_space(text.front())) {
        text.remove_prefix(1);
    }
}

std::string_view take_word(std::string_view& text) {
    size_t length = 0;
    while (length < text.size() && !is_space(text[length])) {
        ++length;
    }
    const std::string_view word = text.substr(0, length);
    text.remove_prefix(length);
    return word;
}

std::string_view take_name(std::string_view& text) {
    size_t length = 0;
    while (length < text.size() && is_name(text[length])) {
        ++length;
    }
    const std::string_view name = text.substr(0, length);
    text.remove_prefix(length);
    return name;
}

base::Result<double> take_number(std::string_view& text) {
    std::string_view rest = text;
    const bool negative = take(rest, "-");
    if (!negative) {
        static_cast<void>(take(rest, "+"));
    }
    const double sign = negative ? -1 : 1;
    if (!rest.empty() && !is_digit(rest.front()) && rest.front() != '.') {
        const std::string_view word = take_name(rest);
        const bool infinite =
            equals_ignoring_case(word, "inf") || equals_ignoring_case(word, "infinity");
        if (!infinite && !equals_ignoring_case(word, "nan")) {
            return no_number(text);
        }
        text = rest;
        return infinite ? sign * std::numeric_limits<double>::infinity() : model::kNormalNan;
    }
    double value = 0;
    const auto [stop, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
    if (error != std::errc()) {
        return no_number(text);
    }
    rest.remove_prefix(static_cast<size_t>(stop - rest.data()));
    text = rest;
    return sign * value;
}

base::Result<uint64_t> take_count(std::string_view& text) {
    uint64_t value = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc()) {
        return no_number(text);
    }
    text.remove_prefix(static_cast<size_t>(stop - text.data()));
    return value;
}

std::string_view trim(std::string_view text) {
    constexpr std::string_view kSpace = " \t\r\v\f";
    const size_t first = text.find_first_not_of(kSpace);
    if (first == std::string_view::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::string_view next_word(std::string_view& text) {
    skip_spaces(text);
    return take_word(text);
}

base::Result<int64_t> parse_time(std::string_view text, std::string_view what) {
    auto parsed = base::parse_duration_ms(text);
    if (parsed.has_error()) {
        return base::fail(base::Code::kInvalid,
                          "invalid " + std::string(what) + " definition \"" + std::string(text) +
                              "\": " + parsed.error().message());
    }
    return parsed.value();
}

}  // namespace query::testing

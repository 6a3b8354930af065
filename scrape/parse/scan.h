// The tokens that both text formats share: names, quoted strings, label lists.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "scrape/parse/parser.h"

namespace scrape::scan {

enum CharClass : uint8_t {
    kLetter = 1,  // a-z A-Z _
    kColon = 2,
    kDigit = 4,
};

inline constexpr std::array<uint8_t, 256> kClasses = [] {
    std::array<uint8_t, 256> classes{};
    for (int byte = 'a'; byte <= 'z'; ++byte) {
        classes[static_cast<size_t>(byte)] = kLetter;
        classes[static_cast<size_t>(byte - 'a' + 'A')] = kLetter;
    }
    classes['_'] = kLetter;
    classes[':'] = kColon;
    for (int byte = '0'; byte <= '9'; ++byte) {
        classes[static_cast<size_t>(byte)] = kDigit;
    }
    return classes;
}();

inline bool is_a(char byte, uint8_t classes) {
    return (kClasses[static_cast<uint8_t>(byte)] & classes) != 0;
}

// The end of the name at `at`, or `at` itself when there is none.
inline const char* name_end(const char* at, const char* end, uint8_t first, uint8_t rest) {
    if (at == end || !is_a(*at, first)) {
        return at;
    }
    ++at;
    while (at != end && is_a(*at, rest)) {
        ++at;
    }
    return at;
}

inline const char* metric_name_end(const char* at, const char* end) {
    return name_end(at, end, kLetter | kColon, kLetter | kColon | kDigit);
}

inline const char* label_name_end(const char* at, const char* end) {
    return name_end(at, end, kLetter, kLetter | kDigit);
}

inline const char* skip_blanks(const char* at, const char* end) {
    while (at != end && (*at == ' ' || *at == '\t')) {
        ++at;
    }
    return at;
}

inline const char* line_end(const char* at, const char* end) {
    const void* const found = std::memchr(at, '\n', static_cast<size_t>(end - at));
    return found == nullptr ? end : static_cast<const char*>(found);
}

// What a format allows between and inside tokens.
struct Grammar {
    bool blanks_between;     // spaces and tabs between tokens
    bool newline_in_value;   // a raw line feed inside quotes
    bool comma_is_optional;  // between labels
};

inline constexpr Grammar kTextGrammar{
    .blanks_between = true, .newline_in_value = true, .comma_is_optional = true};
inline constexpr Grammar kOpenMetricsGrammar{
    .blanks_between = false, .newline_in_value = false, .comma_is_optional = false};

struct Fault {
    const char* what = nullptr;  // null: none
    const char* at = nullptr;
};

// Behind the closing quote of the string that starts at `at` (on the opening quote), or nullptr.
const char* quoted_end(const char* at, const char* end, bool newline_allowed, bool nul_allowed);

// Reads a label list from behind its '{' to behind its '}'.
//   name     the metric name; set when the list holds a quoted one (null: not allowed)
//   returns  behind '}', or nullptr with `fault` set
template <const Grammar& kGrammar>
const char* label_list(const char* at,
                       const char* end,
                       std::string_view* name,
                       std::vector<LabelToken>& tokens,
                       Fault& fault);

extern template const char* label_list<kTextGrammar>(
    const char*, const char*, std::string_view*, std::vector<LabelToken>&, Fault&);
extern template const char* label_list<kOpenMetricsGrammar>(
    const char*, const char*, std::string_view*, std::vector<LabelToken>&, Fault&);

}  // namespace scrape::scan

#include "model/matcher.h"

#include <utility>

#include "model/quote.h"

namespace model {

std::string_view match_operator(MatchType type) {
    switch (type) {
        case MatchType::kEqual:
            return "=";
        case MatchType::kNotEqual:
            return "!=";
        case MatchType::kRegex:
            return "=~";
        case MatchType::kNotRegex:
            return "!~";
    }
    return "=";
}

Matcher::Matcher(MatchType type,
                 std::string name,
                 std::string value,
                 std::shared_ptr<const Regex> regex)
    : type_(type), name_(std::move(name)), value_(std::move(value)), regex_(std::move(regex)) {}

base::Result<Matcher> Matcher::create(MatchType type, std::string name, std::string value) {
    std::shared_ptr<const Regex> regex;
    if (type == MatchType::kRegex || type == MatchType::kNotRegex) {
        TRY(regex, Regex::compile(value));
    }
    return Matcher(type, std::move(name), std::move(value), std::move(regex));
}

Matcher Matcher::equal(std::string name, std::string value) {
    return {MatchType::kEqual, std::move(name), std::move(value), nullptr};
}

bool Matcher::matches(std::string_view value) const {
    switch (type_) {
        case MatchType::kEqual:
            return value == value_;
        case MatchType::kNotEqual:
            return value != value_;
        case MatchType::kRegex:
            return regex_->matches(value);
        case MatchType::kNotRegex:
            return !regex_->matches(value);
    }
    return false;
}

std::string Matcher::to_string() const {
    std::string out;
    append_label_name(out, name_);
    out += match_operator(type_);
    append_quoted(out, value_);
    return out;
}

}  // namespace model

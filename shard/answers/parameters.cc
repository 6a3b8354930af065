#include "shard/answers/parameters.h"

#include <algorithm>
#include <charconv>
#include <initializer_list>

namespace shard {

namespace {

template <class Number>
base::Result<Number> read(const Parameters& parameters,
                          std::string_view name,
                          Number otherwise,
                          const char* what) {
    const std::string_view text = text_of(parameters, name);
    if (text.empty()) {
        return otherwise;
    }
    Number number{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) {
        return base::fail(
            base::Code::kInvalid,
            std::string(name) + " is " + what + ", not \"" + std::string(text) + "\"");
    }
    return number;
}

}  // namespace

std::string_view text_of(const Parameters& parameters, std::string_view name) {
    const auto found = parameters.find(name);
    return found == parameters.end() ? std::string_view() : std::string_view(found->second);
}

base::Result<bool> flag_of(const Parameters& parameters, std::string_view name) {
    const std::string_view text = text_of(parameters, name);
    if (text == "1" || text == "true" || text == "yes") {
        return true;
    }
    if (text.empty() || text == "0" || text == "false" || text == "no") {
        return false;
    }
    return base::fail(base::Code::kInvalid,
                      std::string(name) + " is 1 or 0, not \"" + std::string(text) + "\"");
}

base::Result<uint64_t> number_of(const Parameters& parameters,
                                 std::string_view name,
                                 uint64_t otherwise) {
    return read<uint64_t>(parameters, name, otherwise, "a whole number");
}

base::Result<double> factor_of(const Parameters& parameters,
                               std::string_view name,
                               double otherwise) {
    return read<double>(parameters, name, otherwise, "a number");
}

std::vector<std::string> list_of(const Parameters& parameters, std::string_view name) {
    std::vector<std::string> parts;
    std::string_view rest = text_of(parameters, name);
    while (!rest.empty()) {
        const size_t comma = std::min(rest.find(','), rest.size());
        if (comma != 0) {
            parts.emplace_back(rest.substr(0, comma));
        }
        rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
    return parts;
}

base::Status check_names(const Parameters& parameters,
                         std::initializer_list<std::string_view> known) {
    for (const auto& [name, text] : parameters) {
        if (std::ranges::find(known, name) == known.end()) {
            std::string there;
            for (const std::string_view one : known) {
                there += (there.empty() ? "" : ", ") + std::string(one);
            }
            return base::fail(base::Code::kInvalid,
                              "there is no parameter \"" + name +
                                  "\" here; there are: " + (there.empty() ? "none" : there));
        }
    }
    return base::success();
}

}  // namespace shard

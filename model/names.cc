#include "base/rune.h"
#include "model/labels.h"

namespace model {
namespace {

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_legacy_name(std::string_view name, bool colons) {
    if (name.empty()) {
        return false;
    }
    for (size_t i = 0; i < name.size(); ++i) {
        const char c = name[i];
        if (!is_letter(c) && !(colons && c == ':') && !(i > 0 && is_digit(c))) {
            return false;
        }
    }
    return true;
}

bool is_utf8_name(std::string_view name) {
    if (name.empty()) {
        return false;
    }
    while (!name.empty()) {
        const base::Rune rune = base::decode_rune(name);
        if (!rune.valid) {
            return false;
        }
        name.remove_prefix(rune.length);
    }
    return true;
}

}  // namespace

bool is_valid_metric_name(std::string_view name, NameScheme scheme) {
    return scheme == NameScheme::kLegacy ? is_legacy_name(name, true) : is_utf8_name(name);
}

bool is_valid_label_name(std::string_view name, NameScheme scheme) {
    return scheme == NameScheme::kLegacy ? is_legacy_name(name, false) : is_utf8_name(name);
}

}  // namespace model

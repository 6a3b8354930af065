#include "model/relabel.h"

#include <array>

#include <openssl/evp.h>

#include "base/check.h"
#include "base/rune.h"

namespace model {
namespace {

const std::shared_ptr<const Regex>& default_regex() {
    static const std::shared_ptr<const Regex> kRegex = Regex::compile("(.*)").value();
    return kRegex;
}

const Regex& regex_of(const RelabelRule& rule) {
    return rule.regex ? *rule.regex : *default_regex();
}

std::string join_sources(const RelabelRule& rule, const LabelsBuilder& labels) {
    std::string joined;
    for (size_t i = 0; i < rule.source_labels.size(); ++i) {
        if (i > 0) {
            joined += rule.separator;
        }
        joined += labels.get(rule.source_labels[i]);
    }
    return joined;
}

// The last eight bytes of MD5, big-endian: the shard key of prometheus-operator and of hand-written
// hashmod rules.
uint64_t md5_tail(std::string_view text) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int length = 0;
    const int ok = EVP_Digest(text.data(), text.size(), digest.data(), &length, EVP_md5(), nullptr);
    SKEIN_CHECK(ok == 1 && length == 16, "MD5 is not available");
    uint64_t tail = 0;
    for (size_t i = 8; i < 16; ++i) {
        tail = tail << 8 | digest[i];
    }
    return tail;
}

// Maps case as Go does: code point by code point, over all of Unicode. glibc's C.UTF-8 carries the
// tables.
std::string to_case(std::string_view text, bool upper) {
    static const locale_t kUnicode = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const base::Rune rune = base::decode_rune(text);
        if (rune.length == 1 || kUnicode == nullptr) {
            const auto byte = static_cast<unsigned char>(text.front());
            out += static_cast<char>(byte >= 0x80 ? byte
                                     : upper      ? std::toupper(byte)
                                                  : std::tolower(byte));
            text.remove_prefix(1);
            continue;
        }
        const auto wide = static_cast<wint_t>(rune.value);
        base::append_rune(
            out,
            static_cast<uint32_t>(upper ? towupper_l(wide, kUnicode) : towlower_l(wide, kUnicode)));
        text.remove_prefix(rune.length);
    }
    return out;
}

void replace(const RelabelRule& rule, LabelsBuilder& labels) {
    const std::string joined = join_sources(rule, labels);
    const Regex& regex = regex_of(rule);
    std::vector<std::string_view> groups;
    if (!regex.match_groups(joined, groups)) {
        return;
    }
    std::string target;
    regex.expand(rule.target_label, groups, target);
    if (!is_valid_label_name(target, rule.name_scheme)) {
        return;
    }
    std::string value;
    regex.expand(rule.replacement, groups, value);
    labels.set(target, value);
}

void map_labels(const RelabelRule& rule, LabelsBuilder& labels) {
    const Regex& regex = regex_of(rule);
    std::vector<std::string_view> groups;
    const auto before = labels.entries();
    for (const auto& [name, value] : before) {
        if (regex.match_groups(name, groups)) {
            std::string target;
            regex.expand(rule.replacement, groups, target);
            labels.set(target, value);
        }
    }
}

void remove_labels(const RelabelRule& rule, LabelsBuilder& labels, bool matching) {
    const Regex& regex = regex_of(rule);
    const auto before = labels.entries();
    for (const auto& [name, value] : before) {
        if (regex.matches(name) == matching) {
            labels.remove(name);
        }
    }
}

// Returns false when the entity is dropped.
bool apply(const RelabelRule& rule, LabelsBuilder& labels) {
    switch (rule.action) {
        case RelabelAction::kReplace:
            replace(rule, labels);
            return true;
        case RelabelAction::kKeep:
            return regex_of(rule).matches(join_sources(rule, labels));
        case RelabelAction::kDrop:
            return !regex_of(rule).matches(join_sources(rule, labels));
        case RelabelAction::kKeepEqual:
            return join_sources(rule, labels) == labels.get(rule.target_label);
        case RelabelAction::kDropEqual:
            return join_sources(rule, labels) != labels.get(rule.target_label);
        case RelabelAction::kHashMod:
            labels.set(rule.target_label,
                       std::to_string(md5_tail(join_sources(rule, labels)) % rule.modulus));
            return true;
        case RelabelAction::kLabelMap:
            map_labels(rule, labels);
            return true;
        case RelabelAction::kLabelDrop:
            remove_labels(rule, labels, true);
            return true;
        case RelabelAction::kLabelKeep:
            remove_labels(rule, labels, false);
            return true;
        case RelabelAction::kLowercase:
            labels.set(rule.target_label, to_case(join_sources(rule, labels), false));
            return true;
        case RelabelAction::kUppercase:
            labels.set(rule.target_label, to_case(join_sources(rule, labels), true));
            return true;
    }
    return true;
}

}  // namespace

std::string_view relabel_action_name(RelabelAction action) {
    switch (action) {
        case RelabelAction::kReplace:
            return "replace";
        case RelabelAction::kKeep:
            return "keep";
        case RelabelAction::kDrop:
            return "drop";
        case RelabelAction::kKeepEqual:
            return "keepequal";
        case RelabelAction::kDropEqual:
            return "dropequal";
        case RelabelAction::kHashMod:
            return "hashmod";
        case RelabelAction::kLabelMap:
            return "labelmap";
        case RelabelAction::kLabelDrop:
            return "labeldrop";
        case RelabelAction::kLabelKeep:
            return "labelkeep";
        case RelabelAction::kLowercase:
            return "lowercase";
        case RelabelAction::kUppercase:
            return "uppercase";
    }
    return "replace";
}

bool RelabelRule::operator==(const RelabelRule& other) const {
    const auto pattern = [](const RelabelRule& rule) -> std::string_view {
        return regex_of(rule).pattern();
    };
    return action == other.action && source_labels == other.source_labels &&
           separator == other.separator && target_label == other.target_label &&
           pattern(*this) == pattern(other) && modulus == other.modulus &&
           replacement == other.replacement && name_scheme == other.name_scheme;
}

bool relabel(std::span<const RelabelRule> rules, LabelsBuilder& labels) {
    for (const RelabelRule& rule : rules) {
        if (!apply(rule, labels)) {
            return false;
        }
    }
    return true;
}

}  // namespace model

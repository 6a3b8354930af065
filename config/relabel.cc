#include <algorithm>

#include "config/blocks.h"

namespace config {
namespace {

using model::NameScheme;
using model::RelabelAction;
using model::RelabelRule;

constexpr RelabelAction kActions[] = {RelabelAction::kReplace,
                                      RelabelAction::kKeep,
                                      RelabelAction::kDrop,
                                      RelabelAction::kKeepEqual,
                                      RelabelAction::kDropEqual,
                                      RelabelAction::kHashMod,
                                      RelabelAction::kLabelMap,
                                      RelabelAction::kLabelDrop,
                                      RelabelAction::kLabelKeep,
                                      RelabelAction::kLowercase,
                                      RelabelAction::kUppercase};

void read_action(MapReader& map, RelabelRule& rule) {
    if (!map.has("action")) {
        return;
    }
    std::string word;
    map.read("action", word);
    std::transform(word.begin(), word.end(), word.begin(), [](unsigned char c) {
        return static_cast<char>(std::tolower(c));
    });
    for (const RelabelAction action : kActions) {
        if (word == model::relabel_action_name(action)) {
            rule.action = action;
            return;
        }
    }
    map.problem(map.at("action"),
                word.empty() ? "relabel action cannot be empty"
                             : "unknown relabel action \"" + word + "\"");
}

// A target with $1 or ${name} in it is decided at run time; what is left must be able to be a name.
bool is_target_template(const std::string& target, NameScheme scheme) {
    if (scheme == NameScheme::kUtf8) {
        return model::is_valid_label_name(target, scheme);
    }
    std::string plain;
    for (size_t i = 0; i < target.size(); ++i) {
        if (target[i] != '$') {
            plain += target[i];
            continue;
        }
        const bool braces = i + 1 < target.size() && target[i + 1] == '{';
        const size_t end =
            braces ? target.find('}', i)
                   : target.find_first_not_of(
                         "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_", i + 1);
        plain += 'x';
        if (end == std::string::npos) {
            return !braces;
        }
        i = braces ? end : end - 1;
    }
    return model::is_valid_label_name(plain, scheme);
}

bool only_default(const MapReader& map, std::initializer_list<std::string_view> keys) {
    return std::none_of(
        keys.begin(), keys.end(), [&](std::string_view key) { return map.has(key); });
}

void check_rule(MapReader& map, const RelabelRule& rule) {
    using enum RelabelAction;
    const std::string action(model::relabel_action_name(rule.action));
    const bool writes_target = rule.action == kReplace || rule.action == kHashMod ||
                               rule.action == kLowercase || rule.action == kUppercase ||
                               rule.action == kKeepEqual || rule.action == kDropEqual;
    if (writes_target && rule.target_label.empty()) {
        map.problem("relabel configuration for " + action +
                    " action requires 'target_label' value");
        return;
    }
    const bool valid = rule.action == kReplace
                           ? is_target_template(rule.target_label, rule.name_scheme)
                           : model::is_valid_label_name(rule.target_label, rule.name_scheme);
    if (writes_target && !valid) {
        map.problem(
            map.at("target_label"),
            "\"" + rule.target_label + "\" is invalid 'target_label' for " + action + " action");
    }
    if (rule.action == kHashMod && rule.modulus == 0) {
        map.problem("relabel configuration for hashmod requires non-zero modulus");
    }
    if ((rule.action == kLowercase || rule.action == kUppercase) &&
        !only_default(map, {"replacement"})) {
        map.problem("'replacement' can not be set for " + action + " action");
    }
    if (rule.action == kLabelMap &&
        (rule.replacement.empty() || !is_target_template(rule.replacement, rule.name_scheme))) {
        map.problem(map.at("replacement"),
                    "\"" + rule.replacement + "\" is invalid 'replacement' for labelmap action");
    }
    if ((rule.action == kDropEqual || rule.action == kKeepEqual) &&
        !only_default(map, {"regex", "modulus", "separator", "replacement"})) {
        map.problem(
            action +
            " action requires only 'source_labels' and `target_label`, and no other fields");
    }
    if ((rule.action == kLabelDrop || rule.action == kLabelKeep) &&
        !only_default(map,
                      {"source_labels", "target_label", "modulus", "separator", "replacement"})) {
        map.problem(action + " action requires only 'regex', and no other fields");
    }
}

RelabelRule read_rule(const Node& node, Scope& scope) {
    MapReader map(node, "relabel_config", scope.problems);
    RelabelRule rule;
    rule.name_scheme = scope.name_scheme;
    map.read("source_labels", rule.source_labels);
    map.read("separator", rule.separator);
    map.read("target_label", rule.target_label);
    map.read("modulus", rule.modulus);
    map.read("replacement", rule.replacement);
    if (const Node* null_safe = node.find("replacement");
        null_safe != nullptr && null_safe->is_null()) {
        rule.replacement.clear();
    }
    if (const Node* null_safe = node.find("separator");
        null_safe != nullptr && null_safe->is_null()) {
        rule.separator.clear();
    }
    std::string pattern = "(.*)";
    map.read("regex", pattern);
    if (map.has("regex") && map.at("regex").is_null()) {
        pattern.clear();
    }
    read_action(map, rule);
    if (map.has("regex")) {
        auto regex = model::Regex::compile(pattern);
        if (regex.has_value()) {
            rule.regex = std::move(regex).value();
        } else {
            map.problem(map.at("regex"), regex.error().message());
        }
    }
    for (const std::string& label : rule.source_labels) {
        if (!model::is_valid_label_name(label, NameScheme::kUtf8)) {
            map.problem(map.at("source_labels"), "\"" + label + "\" is not a valid label name");
        }
    }
    check_rule(map, rule);
    return rule;
}

}  // namespace

void read_relabel_rules(MapReader& map,
                        std::string_view key,
                        Scope& scope,
                        std::vector<RelabelRule>& out) {
    map.each(key, [&](const Node& node) { out.push_back(read_rule(node, scope)); });
}

}  // namespace config

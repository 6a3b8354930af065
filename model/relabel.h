// Relabelling, bit-exact with Prometheus' eleven actions.
// source: Prometheus configuration, relabel_config
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/labels.h"
#include "model/matcher.h"

namespace model {

enum class RelabelAction : uint8_t {
    kReplace,
    kKeep,
    kDrop,
    kKeepEqual,
    kDropEqual,
    kHashMod,
    kLabelMap,
    kLabelDrop,
    kLabelKeep,
    kLowercase,
    kUppercase,
};

[[nodiscard]] std::string_view relabel_action_name(RelabelAction action);

// One rule. The defaults are Prometheus'. `regex` null stands for the default "(.*)".
struct RelabelRule {
    RelabelAction action = RelabelAction::kReplace;
    std::vector<std::string> source_labels;
    std::string separator = ";";
    std::string target_label;
    std::shared_ptr<const Regex> regex;
    uint64_t modulus = 0;
    std::string replacement = "$1";
    NameScheme name_scheme = NameScheme::kUtf8;

    // Compares patterns, not programs.
    bool operator==(const RelabelRule& other) const;
};

// Carries the rules out in turn. Returns false when one of them drops the entity; then `labels` is
// in an unspecified state.
//   threads  any; the rules are not changed
[[nodiscard]] bool relabel(std::span<const RelabelRule> rules, LabelsBuilder& labels);

}  // namespace model

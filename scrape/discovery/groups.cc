#include "scrape/discovery/groups.h"

#include "base/json_read.h"

namespace scrape {
namespace {

base::Result<model::Labels> read_labels(const base::JsonValue& value) {
    const auto* const object = value.object();
    if (object == nullptr) {
        return base::fail(base::Code::kInvalid, "labels must be an object, not", value.kind_name());
    }
    model::LabelsBuilder builder;
    for (const auto& [name, text] : *object) {
        if (text.string() == nullptr) {
            return base::fail(base::Code::kInvalid, "label", name, "must be a string");
        }
        if (!model::is_valid_label_name(name, model::NameScheme::kUtf8)) {
            return base::fail(base::Code::kInvalid, "\"" + name + "\" is not a valid label name");
        }
        builder.set(name, *text.string());
    }
    return builder.labels();
}

base::Result<std::vector<model::Labels>> read_targets(const base::JsonValue& value) {
    const auto* const array = value.array();
    if (array == nullptr) {
        return base::fail(base::Code::kInvalid, "targets must be a list, not", value.kind_name());
    }
    std::vector<model::Labels> targets;
    for (const base::JsonValue& address : *array) {
        if (address.string() == nullptr) {
            return base::fail(
                base::Code::kInvalid, "a target must be a string, not", address.kind_name());
        }
        targets.push_back(model::Labels({{"__address__", *address.string()}}));
    }
    return targets;
}

base::Result<model::TargetGroup> read_group(const base::JsonValue& value) {
    model::TargetGroup group;
    const auto* const object = value.object();
    if (object == nullptr) {
        return base::fail(
            base::Code::kInvalid, "a group must be an object, not", value.kind_name());
    }
    for (const auto& [name, member] : *object) {
        if (name == "targets") {
            TRY(group.targets, read_targets(member));
        } else if (name == "labels" && !member.is_null()) {
            TRY(group.labels, read_labels(member));
        } else if (name != "labels") {
            return base::fail(base::Code::kInvalid, "a group has no member", "\"" + name + "\"");
        }
    }
    return group;
}

}  // namespace

base::Result<std::vector<model::TargetGroup>> parse_json_groups(std::string_view text,
                                                                std::string_view source) {
    TRY(const base::JsonValue document,
        base::parse_json(text, {.bytes = kGroupsBytesMax, .depth = 8}));
    const auto* const array = document.array();
    if (array == nullptr) {
        return base::fail(
            base::Code::kInvalid, "expected a list of target groups, not", document.kind_name());
    }
    std::vector<model::TargetGroup> groups;
    for (const base::JsonValue& value : *array) {
        TRY(auto group,
            base::context(read_group(value), "target group " + std::to_string(groups.size())));
        group.source = std::string(source) + ":" + std::to_string(groups.size());
        groups.push_back(std::move(group));
    }
    return groups;
}

void add_group_label(std::vector<model::TargetGroup>& groups,
                     std::string_view name,
                     std::string_view value) {
    for (model::TargetGroup& group : groups) {
        model::LabelsBuilder builder(group.labels);
        builder.set(name, value);
        group.labels = builder.labels();
    }
}

}  // namespace scrape

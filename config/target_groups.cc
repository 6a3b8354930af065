#include "config/target_groups.h"

#include "config/blocks.h"

namespace config {

base::Result<std::vector<model::TargetGroup>> parse_target_groups(std::string_view text,
                                                                  const std::string& file) {
    TRY(auto root, parse_yaml(text, file));
    Problems problems;
    std::vector<Unbuilt> unbuilt;
    Scope scope{problems, unbuilt, "", model::NameScheme::kUtf8, nullptr};
    std::vector<model::TargetGroup> groups;
    if (root->kind != Node::Kind::kSequence && !root->is_null()) {
        problems.add(*root, "expected a list of target groups");
    }
    for (const NodePtr& item : root->items) {
        if (item->is_null()) {
            problems.add(*item, "empty or null target group");
            continue;
        }
        MapReader map(*item, "a target group", problems);
        model::TargetGroup& group = groups.emplace_back();
        std::vector<std::string> addresses;
        map.read("targets", addresses);
        group.labels = read_labels(map, "labels", scope);
        for (const std::string& address : addresses) {
            group.targets.push_back(model::Labels{{"__address__", address}});
        }
    }
    if (!problems.empty()) {
        return base::fail(problems.error());
    }
    return groups;
}

}  // namespace config

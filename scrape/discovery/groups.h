// Lists of target groups as file and HTTP discovery exchange them:
// [{"targets": ["host:port", …], "labels": {"name": "value", …}}, …]
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/target.h"

namespace scrape {

inline constexpr size_t kGroupsBytesMax = size_t{64} << 20;  // of one file or answer

// `source` names the groups: "<source>:<index>". errors  kInvalid, kLimit
[[nodiscard]] base::Result<std::vector<model::TargetGroup>> parse_json_groups(
    std::string_view text, std::string_view source);

// The same list in YAML. The layer that knows YAML provides it.
using ParseYamlGroups = std::function<base::Result<std::vector<model::TargetGroup>>(
    std::string_view text, std::string_view source)>;

// Puts one more label on every group.
void add_group_label(std::vector<model::TargetGroup>& groups,
                     std::string_view name,
                     std::string_view value);

}  // namespace scrape

// Target groups as file discovery finds them in YAML (and so in JSON) files.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/target.h"

namespace config {

// A list of {targets: [...], labels: {...}}. Sources are left empty.
//   errors  kInvalid "FILE:LINE: reason"
[[nodiscard]] base::Result<std::vector<model::TargetGroup>> parse_target_groups(
    std::string_view text, const std::string& file);

}  // namespace config

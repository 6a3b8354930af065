// A target's id as people and JSON see it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "model/target.h"

namespace shard {

// 16 hexadecimal digits.
[[nodiscard]] std::string target_text(model::TargetId id);
// 1 to 16 of them, in small letters. nullopt: it is no such text, or 0.
[[nodiscard]] std::optional<model::TargetId> parse_target(std::string_view text);

}  // namespace shard

// Answers of /api/v1/cluster as text for people.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json_read.h"

namespace engine {

// path  behind /api/v1/cluster/; data  what stands under "data"
[[nodiscard]] std::string cluster_text(std::string_view path, const base::JsonValue& data);

// Columns under their names, as wide as they must be. Columns whose name begins with '#' (which is
// not printed) stand to the right.
[[nodiscard]] std::string table_text(const std::vector<std::string>& names,
                                     const std::vector<std::vector<std::string>>& rows);

// Empty: there is none, or no text.
[[nodiscard]] std::string text_of(const base::JsonValue& object, std::string_view name);
// Of an array; null: none.
[[nodiscard]] const base::JsonValue::Array& items_of(const base::JsonValue* array);

}  // namespace engine

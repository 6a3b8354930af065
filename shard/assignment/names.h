// What may stand in the table as a text.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/result.h"

namespace shard {

// Valid UTF-8 without control characters, of at most `bytes_max` bytes. `what` names it in the
// error.
//   errors  kInvalid
[[nodiscard]] base::Status check_text(std::string_view what,
                                      std::string_view text,
                                      size_t bytes_max);
// The same, and not empty: a node's id, a job, a cluster.
[[nodiscard]] base::Status check_name(std::string_view what, std::string_view name);

}  // namespace shard

// Reading what stands behind the question mark.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "shard/answers/view.h"

namespace shard {

// Empty: it is not given.
[[nodiscard]] std::string_view text_of(const Parameters& parameters, std::string_view name);
// 1, true, yes; 0, false, no; not given: false.
//   errors  kInvalid, as all below
[[nodiscard]] base::Result<bool> flag_of(const Parameters& parameters, std::string_view name);
[[nodiscard]] base::Result<uint64_t> number_of(const Parameters& parameters,
                                               std::string_view name,
                                               uint64_t otherwise);
[[nodiscard]] base::Result<double> factor_of(const Parameters& parameters,
                                             std::string_view name,
                                             double otherwise);
// "a,b": without empty ones.
[[nodiscard]] std::vector<std::string> list_of(const Parameters& parameters, std::string_view name);
// Parameters that nobody reads are more likely mistyped.
[[nodiscard]] base::Status check_names(const Parameters& parameters,
                                       std::initializer_list<std::string_view> known);

}  // namespace shard

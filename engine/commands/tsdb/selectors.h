// The --match flags of a command.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "model/matcher.h"

namespace engine {

using Matchers = std::vector<model::Matcher>;

// errors  kInvalid: the text is no series selector
[[nodiscard]] base::Result<Matchers> parse_matchers(const std::string& selector);
[[nodiscard]] base::Result<std::vector<Matchers>> parse_selectors(
    const std::vector<std::string>& selectors);

}  // namespace engine

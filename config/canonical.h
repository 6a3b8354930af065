// Options as text that is the same for options that mean the same: what hashes are made of.
#pragma once

#include <string>

#include "config/config.h"

namespace config {

// A field that has its default is not in the text, so that a new option changes no text but of
// those who use it. Of secrets there is only whether there is one. Paths below `folder` are
// relative to it.
[[nodiscard]] std::string canonical_text(const scrape::JobOptions& job, const std::string& folder);

// Everything but the jobs, and what is a node's own.
[[nodiscard]] std::string canonical_rest(const Config& config, const std::string& folder);

}  // namespace config

// One scrape_config as it takes effect: with what it has from global and by default.
#pragma once

#include <string>

#include "config/node.h"
#include "scrape/options.h"

namespace config {

// As YAML with secrets masked; keys in Prometheus' order. What the block gives of discovery and of
// the HTTP client stands there as given.
//   given  the block that `job` was read from, after reading: its secrets are marked
[[nodiscard]] std::string effective_yaml(const Node& given, const scrape::JobOptions& job);

// The text of the rule's regular expression, also where it is the default.
[[nodiscard]] std::string_view pattern_of(const model::RelabelRule& rule);

}  // namespace config

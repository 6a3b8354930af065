// The server's flags: Prometheus' names, defaults and meanings, and ours.
// source: Prometheus 3.14, --help
#pragma once

#include <span>

#include "engine/cli.h"

namespace engine {

[[nodiscard]] std::span<const FlagSpec> server_flags();

// The names that --enable-feature takes. False: unknown; say so and go on, as Prometheus does.
[[nodiscard]] bool is_known_feature(std::string_view name);
// Whether a known feature changes anything in this build.
[[nodiscard]] bool is_built_feature(std::string_view name);

}  // namespace engine

// Who we are, to people and to programs.
#pragma once

#include <string_view>

namespace engine {

inline constexpr std::string_view kVersion = SKEIN_VERSION;
// The Prometheus API level that programs find: they switch features on by it.
inline constexpr std::string_view kPrometheusVersion = "3.14.0";

}  // namespace engine

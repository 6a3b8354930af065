// /api/v1/features: what this server can do, by category.
// source: Prometheus' categories and names
#pragma once

#include <string>

#include "base/http/router.h"
#include "engine/cli.h"

namespace engine {

// {"promql": {"subqueries": true, …}, …}: what is built and switched on is true.
[[nodiscard]] std::string features_json(const FlagValues& flags);

void register_features_route(base::http::Router& router, const FlagValues& flags);

}  // namespace engine

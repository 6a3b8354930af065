// /api/v1/rules, alerts and alertmanagers of a server that evaluates no rules: Grafana asks for
// them when it opens a data source, and takes an error for another product.
#pragma once

#include <functional>
#include <memory>

#include "base/http/router.h"
#include "config/config.h"

namespace engine {

// Answers that there are none; with a warning when the configuration has some.
void register_rules_routes(base::http::Router& router,
                           std::function<std::shared_ptr<const config::Config>()> config);

}  // namespace engine

// What the configuration says of a scrape pool: its text, and what its rules make of a target.
// source: Prometheus HTTP API
#pragma once

#include <functional>
#include <memory>

#include "base/http/router.h"
#include "config/config.h"

namespace engine {

// GET /api/v1/scrape_pools/config and /api/v1/targets/relabel_steps, of the jobs of `config()`.
// `pool` is borrowed: where they are answered.
void register_scrape_pool_routes(base::http::Router& router,
                                 std::function<std::shared_ptr<const config::Config>()> config,
                                 base::WorkerPool* pool);

}  // namespace engine

// /api/v1/status/self_metrics: the program's own metrics as JSON.
// source: Prometheus HTTP API; the JSON form of io.prometheus.client.MetricFamily
#pragma once

#include <string>
#include <string_view>

#include "base/http/router.h"
#include "base/metrics.h"
#include "base/result.h"

namespace engine {

// A JSON array of the families of a page of the text format (as Registry::write_text makes it)
// whose whole name matches the regular expression; "": all.
//   errors  kInvalid, kLimit: the pattern; kInternal: the page
[[nodiscard]] base::Result<std::string> metric_families_json(std::string_view page,
                                                             std::string_view name_pattern);

// GET; both are borrowed for the life of the server.
void register_self_metrics_route(base::http::Router& router,
                                 const base::Registry& registry,
                                 base::WorkerPool* pool);

}  // namespace engine

// /api/v1/openapi.yaml: the HTTP API for tools, written from one table of what is mounted.
// source: OpenAPI 3.1
#pragma once

#include <string>
#include <vector>

#include "base/http/router.h"

namespace engine {

[[nodiscard]] std::string openapi_yaml();

// "GET /api/v1/query" for every operation of the document, sorted. A test compares them with those
// that a server has.
[[nodiscard]] std::vector<std::string> openapi_operations();

void register_openapi_route(base::http::Router& router);

}  // namespace engine

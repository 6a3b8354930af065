// The web configuration file (--web.config.file): TLS and users of the HTTP server.
// source: Prometheus exporter-toolkit web configuration
#pragma once

#include <memory>
#include <string>

#include "base/file.h"
#include "base/http/server.h"
#include "base/result.h"

namespace config {

// errors  kNotFound, kIo: the file; kInvalid: "FILE:LINE: reason" per problem
[[nodiscard]] base::Result<std::shared_ptr<const base::http::WebOptions>> load_web_config(
    base::Files& files, const std::string& path);

}  // namespace config

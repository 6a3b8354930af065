// Mounting: every room answers for what is its own; here it is put under one roof.
#pragma once

#include "base/http/router.h"
#include "engine/status_api.h"

namespace engine {

// Adds all routes of `room` to `router`, each answering 503 until the process is ready.
void mount_when_ready(base::http::Router& router,
                      const base::http::Router& room,
                      const Readiness& readiness);

// "/prom/" and "prom" become "/prom"; "" and "/" become "". Without a prefix it is the path of the
// external URL.
[[nodiscard]] std::string route_prefix(const FlagValues& flags);

// The URL under which others reach this server: --web.external-url, or http://HOST:PORT with the
// host's name.
[[nodiscard]] std::string external_url(const FlagValues& flags);

// The first page: what this is and where to look.
void add_front_page(base::http::Router& router);

}  // namespace engine

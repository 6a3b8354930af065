// What a person should know about this server now: /api/v1/notifications.
// source: Prometheus HTTP API
#pragma once

#include <cstdint>
#include <functional>

#include "base/clock.h"
#include "base/http/router.h"
#include "engine/reload.h"
#include "engine/status_api.h"

namespace engine {

// All borrowed, as long as the server.
struct NotificationSources {
    const base::Clock& clock;
    const Readiness& readiness;
    const ConfigReload& reload;
    int64_t started_ms = 0;
};

// GET /api/v1/notifications, also before the server is ready; and /live, which takes no
// subscribers: 204, as from a server that has as many as it allows, on which clients ask for the
// list instead.
void register_notification_routes(base::http::Router& router, const NotificationSources& sources);

}  // namespace engine

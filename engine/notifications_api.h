// /api/v1/notifications, and /live as server-sent events.
#pragma once

#include "base/http/router.h"
#include "engine/notifications.h"

namespace engine {

// GET /api/v1/notifications and /api/v1/notifications/live, also before the server is ready.
// `notifications` are borrowed, for longer than the server.
void register_notification_routes(base::http::Router& router, Notifications& notifications);

}  // namespace engine

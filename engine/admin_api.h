// The endpoints that change data: /api/v1/admin/tsdb/*. source: Prometheus HTTP API v1
#pragma once

#include <functional>

#include "base/http/router.h"
#include "tsdb/db.h"

namespace engine {

struct AdminParts {
    bool enabled = false;              // --web.enable-admin-api; otherwise they only say so
    std::function<tsdb::Db&()> db;     // asked per request
    base::WorkerPool* pool = nullptr;  // where they wait: for compactions, for disks
};

void register_admin_routes(base::http::Router& router, const AdminParts& parts);

}  // namespace engine

#include "engine/notifications.h"

#include <string_view>

#include "base/json.h"
#include "base/time_format.h"
#include "model/api_answer.h"

namespace engine {
namespace {

using base::http::Request;
using base::http::RequestContext;
using base::http::Response;

void write_one(base::JsonWriter& json, std::string_view text, int64_t since_ms) {
    json.begin_object();
    json.member("text", text);
    json.member("date", base::format_rfc3339_ms(since_ms));
    json.key("active");
    json.boolean(true);
    json.end_object();
}

std::string list(const NotificationSources& sources) {
    std::string out;
    base::JsonWriter json(out);
    json.begin_array();
    if (sources.readiness.get() == Readiness::State::kStarting) {
        write_one(json,
                  "Prometheus is starting and replaying the write-ahead log (WAL).",
                  sources.started_ms);
    }
    if (const int64_t failed_ms = sources.reload.failing_since_ms(); failed_ms != 0) {
        write_one(json, "Configuration reload has failed.", failed_ms);
    }
    if (sources.readiness.get() == Readiness::State::kStopping) {
        write_one(json,
                  "Prometheus is shutting down and gracefully stopping all operations.",
                  sources.clock.now_ms());
    }
    json.end_array();
    return out;
}

}  // namespace

void register_notification_routes(base::http::Router& router, const NotificationSources& sources) {
    base::http::RouteOptions options;
    options.cors = true;
    router.add(
        {base::http::Method::kGet},
        "/api/v1/notifications",
        [sources](const Request&, const RequestContext&) {
            return model::api_success(list(sources));
        },
        options);
    router.add(
        {base::http::Method::kGet},
        "/api/v1/notifications/live",
        [](const Request&, const RequestContext&) {
            Response response;
            response.status = 204;
            return response;
        },
        options);
}

}  // namespace engine

// /api/v1/queries: what runs now, and its end.
#include <charconv>

#include "base/json.h"
#include "base/time_format.h"
#include "model/api_answer.h"
#include "query/http_api.h"

namespace query {
namespace {

using base::Code;
using base::http::Request;
using base::http::Response;

void write_times(base::JsonWriter& json, const ActiveQuery& query) {
    if (query.instant) {
        json.key("time");
        json.timestamp_ms(query.times.start_ms);
        return;
    }
    json.key("start");
    json.timestamp_ms(query.times.start_ms);
    json.key("end");
    json.timestamp_ms(query.times.end_ms);
    json.key("step");
    json.timestamp_ms(query.times.step_ms);
}

void write_origin(base::JsonWriter& json, const QueryOrigin& origin) {
    json.begin_object();
    json.member("clientIP", origin.client_ip);
    json.member("method", origin.method);
    json.member("path", origin.path);
    if (!origin.user.empty()) {
        json.member("user", origin.user);
    }
    json.end_object();
}

void write_query(base::JsonWriter& json, const ActiveQuery& query) {
    json.begin_object();
    json.member("id", std::to_string(query.id));
    json.member("query", query.query);
    json.member("state", query.running ? "running" : "waiting");
    json.member("kind", query.part ? "part" : (query.instant ? "instant" : "range"));
    json.key("params");
    json.begin_object();
    write_times(json, query);
    json.end_object();
    json.member("started", base::format_rfc3339_ms(query.started_ms));
    json.key("elapsedSeconds");
    json.number(query.elapsed_seconds);
    json.key("samples");
    json.begin_object();
    json.key("held");
    json.integer(query.samples_held);
    json.key("read");
    json.integer(query.samples_read);
    json.end_object();
    json.key("memoryBytes");
    json.integer(query.memory_bytes);
    if (!query.origin.path.empty()) {
        json.key("httpRequest");
        write_origin(json, query.origin);
    }
    json.end_object();
}

// Administrators cancel anything, users what they asked under their name.
base::Status may_cancel(const ApiSources& sources,
                        const Request& request,
                        const ActiveQuery& query) {
    if (sources.admin || (!request.user.empty() && request.user == query.origin.user)) {
        return base::success();
    }
    return base::fail(Code::kUnavailable,
                      "admin APIs disabled: canceling a query that is not one's own, as an "
                      "authenticated user, needs --web.enable-admin-api");
}

}  // namespace

Response handle_queries(const ApiSources& sources, const Request&) {
    std::string data;
    base::JsonWriter json(data);
    json.begin_object();
    json.key("queries");
    json.begin_array();
    for (const ActiveQuery& query : sources.engine().active_queries().list()) {
        write_query(json, query);
    }
    json.end_array();
    json.end_object();
    return model::api_success(data);
}

Response handle_cancel_query(const ApiSources& sources, const Request& request) {
    const std::string_view text = request.path_params.get("id");
    uint64_t id = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
    if (error != std::errc() || end != text.data() + text.size()) {
        return model::api_error(base::Error(
            Code::kInvalid, "\"" + std::string(text) + "\" is no id; /api/v1/queries lists them"));
    }
    const base::Status canceled = sources.engine().cancel(
        id, [&](const ActiveQuery& query) { return may_cancel(sources, request, query); });
    if (!canceled) {
        return model::api_error(canceled.error());
    }
    Response response;
    response.status = 204;
    return response;
}

}  // namespace query

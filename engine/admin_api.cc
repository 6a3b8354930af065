#include "engine/admin_api.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/json.h"
#include "model/api_answer.h"
#include "model/sample.h"
#include "query/http_params.h"

namespace engine {
namespace {

using base::Code;
using base::Error;
using base::http::Request;
using base::http::RequestContext;
using base::http::Response;

Response no_content() {
    Response response;
    response.status = 204;
    return response;
}

// Whatever kept the storage from it is the server's trouble, not the request's.
Response storage_error(const Error& error, std::string_view doing = {}) {
    Error told(error.code() == Code::kUnavailable ? Code::kUnavailable : Code::kInternal,
               error.message());
    if (!doing.empty()) {
        told.add_context(doing);
    }
    return model::api_error(told);
}

// The words that Go takes.
std::optional<bool> parse_bool(std::string_view text) {
    constexpr std::array<std::string_view, 6> kTrue{"1", "t", "T", "true", "TRUE", "True"};
    constexpr std::array<std::string_view, 6> kFalse{"0", "f", "F", "false", "FALSE", "False"};
    if (std::ranges::find(kTrue, text) != kTrue.end()) {
        return true;
    }
    if (std::ranges::find(kFalse, text) != kFalse.end()) {
        return false;
    }
    return std::nullopt;
}

Response delete_series(tsdb::Db& db, const Request& request) {
    const auto form = request.form();
    if (!form) {
        return model::api_error(
            Error(Code::kInvalid, "error parsing form values: " + form.error().message()));
    }
    const base::http::Params& params = form.value();
    if (params.get_all("match[]").empty()) {
        return model::api_error(Error(Code::kInvalid, "no match[] parameter provided"));
    }
    const auto start = query::time_param(params, "start", model::kMinTime);
    if (!start) {
        return model::api_error(start.error());
    }
    const auto end = query::time_param(params, "end", model::kMaxTime);
    if (!end) {
        return model::api_error(end.error());
    }
    const auto selectors = query::matcher_params(params);
    if (!selectors) {
        return model::api_error(query::invalid_param("match[]", selectors.error()));
    }
    for (const auto& matchers : selectors.value()) {
        const base::Status deleted = db.delete_series(start.value(), end.value(), matchers);
        if (!deleted) {
            return storage_error(deleted.error());
        }
    }
    return no_content();
}

Response clean_tombstones(tsdb::Db& db, const Request&) {
    const base::Status cleaned = db.clean_tombstones();
    return cleaned ? no_content() : storage_error(cleaned.error());
}

Response snapshot(tsdb::Db& db, const Request& request) {
    const auto form = request.form();
    const std::string_view text = form ? form.value().get("skip_head") : std::string_view();
    const std::optional<bool> skip_head = text.empty() ? std::optional(false) : parse_bool(text);
    if (!skip_head) {
        return model::api_error(
            query::invalid_param("skip_head",
                                 Error(Code::kInvalid,
                                       "unable to parse boolean strconv.ParseBool: parsing \"" +
                                           std::string(text) + "\": invalid syntax")));
    }
    const auto name = db.snapshot(*skip_head);
    if (!name) {
        return storage_error(name.error(), "create snapshot");
    }
    std::string data;
    base::JsonWriter json(data);
    json.begin_object();
    json.member("name", name.value());
    json.end_object();
    return model::api_success(data);
}

}  // namespace

void register_admin_routes(base::http::Router& router, const AdminParts& parts) {
    base::http::RouteOptions options;
    options.cors = true;
    options.pool = parts.pool;
    const auto add = [&](const char* path, Response (*handle)(tsdb::Db&, const Request&)) {
        router.add(
            {base::http::Method::kPost, base::http::Method::kPut},
            path,
            [enabled = parts.enabled, db = parts.db, handle](const Request& request,
                                                             const RequestContext&) {
                if (!enabled) {
                    return model::api_error(Error(Code::kUnavailable, "admin APIs disabled"));
                }
                return handle(db(), request);
            },
            options);
    };
    add("/api/v1/admin/tsdb/delete_series", delete_series);
    add("/api/v1/admin/tsdb/clean_tombstones", clean_tombstones);
    add("/api/v1/admin/tsdb/snapshot", snapshot);
}

}  // namespace engine

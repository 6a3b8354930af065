// The routes of the query API.
// clang-format off
#include "base/http/router.h"  // before any header of this room: Asio asks for a free `query()`
#include "query/http_api.h"
// clang-format on

namespace query {
namespace {

using base::http::Method;
using base::http::Request;
using base::http::RequestContext;
using base::http::Response;

}  // namespace

void register_routes(base::http::Router& router, const ApiSources& sources) {
    base::http::RouteOptions options;
    options.pool = sources.pool;
    options.cors = true;
    const auto add = [&](base::http::MethodSet methods, const char* pattern, auto handler) {
        router.add(
            methods,
            pattern,
            [sources, handler](const Request& request, const RequestContext& context) {
                return handler(sources, request, Caller{context.stop, context.deadline});
            },
            options);
    };
    const base::http::MethodSet get_and_post{Method::kGet, Method::kPost};
    const base::http::MethodSet get{Method::kGet};
    add(get_and_post, "/api/v1/query", handle_query);
    add(get_and_post, "/api/v1/query_range", handle_query_range);
    add(get_and_post, "/api/v1/series", handle_series);
    add(get_and_post, "/api/v1/labels", handle_labels);
    add(get, "/api/v1/label/:name/values", handle_label_values);
    add(get_and_post, "/api/v1/query_exemplars", handle_query_exemplars);
    add(get, "/federate", handle_federate);
    const auto add_search = [&](const char* pattern, SearchFor kind) {
        add(get_and_post,
            pattern,
            [kind](const ApiSources& from, const Request& request, const Caller& caller) {
                return handle_search(from, request, caller, kind);
            });
    };
    add_search("/api/v1/search/metric_names", SearchFor::kMetricNames);
    add_search("/api/v1/search/label_names", SearchFor::kLabelNames);
    add_search("/api/v1/search/label_values", SearchFor::kLabelValues);
    const auto add_plain = [&](const char* pattern, Response (*handler)(const Request&)) {
        router.add(
            get_and_post,
            pattern,
            [handler](const Request& request, const RequestContext&) { return handler(request); },
            options);
    };
    base::http::RouteOptions status = options;
    status.pool = sources.status_pool;
    const auto add_status = [&](Method method,
                                const char* pattern,
                                Response (*handler)(const ApiSources&, const Request&)) {
        router.add(
            {method},
            pattern,
            [sources, handler](const Request& request, const RequestContext&) {
                return handler(sources, request);
            },
            status);
    };
    add_status(Method::kGet, "/api/v1/queries", handle_queries);
    add_status(Method::kPost, "/api/v1/queries/:id/cancel", handle_cancel_query);
    add_plain("/api/v1/format_query", handle_format_query);
    add_plain("/api/v1/parse_query", handle_parse_query);
}

}  // namespace query

// What a request is answered: refused, routed, handled.
#include "base/http/server_connection.h"

namespace base::http {

namespace {

Response unmatched(const Router::Match& match) {
    if (match.allow.empty()) {
        Response response = Response::text(404, "404 page not found\n");
        response.headers.add("X-Content-Type-Options", "nosniff");
        return response;
    }
    Response response = Response::text(405, "Method Not Allowed\n");
    response.headers.add("Allow", match.allow);
    return response;
}

}  // namespace

// What the web configuration says before any handler: a response when the request goes no further.
Task<std::optional<Response>> ServerConnection::refuse() {
    extra_.clear();
    if (!core_->options.server_name.empty()) {
        extra_.add("Server", core_->options.server_name);
    }
    if (!core_->web) {
        co_return std::optional<Response>();
    }
    auto web = core_->web();
    if (!web) {
        co_return std::optional<Response>(Response::text(500, "Internal Server Error\n"));
    }
    web_ = web.value();
    for (const auto& [name, value] : web_->headers) {
        extra_.add(name, value);
    }
    if (web_->basic_auth_users.empty()) {
        co_return std::optional<Response>();
    }
    std::string given(request_.headers.get("Authorization"));
    Result<std::string> user = co_await core_->authenticator.check(std::move(given), web_);
    if (!user) {
        co_return std::optional<Response>(Response::error(user.error()));
    }
    request_.user = std::move(user).value();
    if (!request_.user.empty()) {
        co_return std::optional<Response>();
    }
    Response unauthorized = Response::text(401, "Unauthorized\n");
    unauthorized.headers.add("WWW-Authenticate", "Basic");
    co_return std::optional<Response>(std::move(unauthorized));
}

Task<Response> ServerConnection::route() {
    const std::string& prefix = core_->options.route_prefix;
    std::string_view path = request_.path;
    if (!prefix.empty()) {
        const bool below = path.starts_with(prefix) &&
                           (path.size() == prefix.size() || path[prefix.size()] == '/');
        if (!below && path != "/") {
            co_return unmatched(Router::Match());
        }
        if (!below || path.size() == prefix.size()) {
            co_return Response::redirect(302, prefix + "/");
        }
        path.remove_prefix(prefix.size());
    }
    Router::Match match = core_->router.match(request_.method, path);
    if (match.route == nullptr && request_.method == Method::kOptions && !match.allow.empty()) {
        const Router::Match get = core_->router.match(Method::kGet, path);
        const Router::Match other =
            get.route != nullptr ? Router::Match() : core_->router.match(Method::kPost, path);
        const Route* const found = get.route != nullptr ? get.route : other.route;
        if (found != nullptr && found->options.cors) {
            route_ = found;
            Response preflight;
            preflight.status = 204;
            core_->cors->apply(request_, preflight);
            co_return preflight;
        }
    }
    if (match.route == nullptr) {
        co_return unmatched(match);
    }
    route_ = match.route;
    request_.path_params = std::move(match.path_params);
    const Status body = co_await read_body(route_->options.body_limit);
    if (!body) {
        if (body.error().code() == Code::kLimit) {
            co_return Response::text(413, "http: request body too large\n");
        }
        if (body.error().code() == Code::kInvalid || body.error().code() == Code::kUnsupported) {
            co_return Response::text(400, "400 Bad Request: " + body.error().message() + "\n");
        }
        co_return fail(body.error());
    }
    channel_.no_time_limit();
    CO_TRY(Response response, co_await handle(*route_));
    if (route_->options.cors) {
        core_->cors->apply(request_, response);
    }
    co_return response;
}

Task<Response> ServerConnection::handle(const Route& route) {
    RequestContext context;
    const bool on_lane =
        std::holds_alternative<Handler>(route.handler) && route.options.pool == nullptr;
    if (route.options.timeout > Duration::zero()) {
        context.deadline = Deadline::after(lane_.lane.clock(), route.options.timeout);
    }
    stop_ = std::stop_source();
    if (on_lane) {
        co_return std::get<Handler>(route.handler)(request_, context);
    }
    context.stop = stop_.get_token();
    handler_timer_.arm(context.deadline);
    channel_.watch();
    Result<Response> response = fail(Code::kInternal, "not answered");
    if (const auto* const async = std::get_if<AsyncHandler>(&route.handler)) {
        response = co_await (*async)(request_, context);
    } else {
        const Handler& handler = std::get<Handler>(route.handler);
        std::function<Result<Response>()> work = [this, &handler, &context]() -> Result<Response> {
            return handler(request_, context);
        };
        response = co_await run_on(*route.options.pool, std::move(work));
    }
    handler_timer_.disarm();
    if (!response) {
        const bool full = response.error().code() == Code::kLimit &&
                          std::holds_alternative<Handler>(route.handler);
        Response error = Response::error(response.error());
        if (full) {
            error.status = 503;  // the pool's queue: may be retried
        }
        co_return error;
    }
    co_return std::move(response).value();
}

Task<Response> ServerConnection::answer() {
    Status target = take_target();
    if (!target) {
        body_unread_ = true;
        co_return Response::text(400, "400 Bad Request: " + target.error().message() + "\n");
    }
    body_unread_ = !parser_.done();
    CO_TRY(std::optional<Response> refused, co_await refuse());
    if (refused) {
        co_return std::move(*refused);
    }
    co_return co_await route();
}

}  // namespace base::http

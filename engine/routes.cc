#include "engine/routes.h"

#include <variant>

#include "base/http/url.h"
#include "engine/node_state.h"
#include "engine/version.h"

namespace engine {
namespace {

using base::http::Handler;
using base::http::Method;
using base::http::Request;
using base::http::RequestContext;
using base::http::Response;

constexpr std::string_view kFrontPage = R"(<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Skein</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:3rem auto;padding:0 1rem}code{background:#f2f2f2;padding:0 .3em}</style>
<h1>Skein</h1>
<p>This node scrapes targets, keeps their series and answers PromQL. Point Grafana's Prometheus data source here.</p>
<ul>
<li><a href="api/v1/query?query=up">api/v1/query?query=up</a>: PromQL</li>
<li><a href="cluster">cluster</a>: nodes and their load, who scrapes what, plans and moves</li>
<li><a href="api/v1/targets">api/v1/targets</a>: what is scraped, and how it went</li>
<li><a href="api/v1/status/tsdb">api/v1/status/tsdb</a>: the head and its cardinality</li>
<li><a href="api/v1/status/config">api/v1/status/config</a>, <a href="api/v1/status/flags">flags</a>, <a href="api/v1/status/runtimeinfo">runtime</a></li>
<li><a href="metrics">metrics</a>: what this node says of itself</li>
</ul>
</html>
)";

}  // namespace

void mount_when_ready(base::http::Router& router,
                      const base::http::Router& room,
                      const Readiness& readiness) {
    for (const auto& route : room.routes()) {
        if (const auto* handler = std::get_if<Handler>(&route->handler)) {
            router.add(
                route->methods, route->pattern, when_ready(readiness, *handler), route->options);
        } else {
            router.add_async(route->methods,
                             route->pattern,
                             std::get<base::http::AsyncHandler>(route->handler),
                             route->options);
        }
    }
}

std::string route_prefix(const FlagValues& flags) {
    std::string prefix = flags.text("web.route-prefix");
    if (!flags.given("web.route-prefix") && flags.given("web.external-url")) {
        const auto url = base::http::Url::parse(flags.text("web.external-url"));
        prefix = url.has_value() ? url.value().path : "";
    }
    const size_t first = prefix.find_first_not_of('/');
    if (first == std::string::npos) {
        return {};
    }
    return "/" + prefix.substr(first, prefix.find_last_not_of('/') - first + 1);
}

std::string external_url(const FlagValues& flags) {
    const std::string& given = flags.text("web.external-url");
    if (given.find("://") != std::string::npos) {
        return given;
    }
    const std::string listen = flags.list("web.listen-address").front();
    return "http://" + host_name() + ":" + listen.substr(listen.rfind(':') + 1) + given;
}

void add_front_page(base::http::Router& router) {
    router.add({Method::kGet}, "/", [](const Request&, const RequestContext&) {
        Response response = Response::text(200, std::string(kFrontPage));
        response.headers.set("Content-Type", "text/html; charset=utf-8");
        return response;
    });
}

}  // namespace engine

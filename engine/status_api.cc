#include "engine/status_api.h"

#include <thread>

#include <sys/utsname.h>
#include <unistd.h>

#include "base/json.h"
#include "base/time_format.h"
#include "engine/storage_options.h"
#include "engine/version.h"
#include "model/api_answer.h"

namespace engine {
namespace {

using base::JsonWriter;
using base::http::Method;
using base::http::MethodSet;
using base::http::Request;
using base::http::RequestContext;
using base::http::Response;
using base::http::RouteOptions;

std::string config_json(const StatusSources& sources) {
    std::string out;
    JsonWriter json(out);
    json.begin_object();
    json.member("yaml", sources.reload.current()->masked_yaml);
    json.end_object();
    return out;
}

std::string flags_json(const StatusSources& sources) {
    std::string out;
    JsonWriter json(out);
    json.begin_object();
    for (const auto& [name, text] : sources.flags.all()) {
        json.member(name, text);
    }
    json.end_object();
    return out;
}

std::string build_json() {
    std::string out;
    JsonWriter json(out);
    json.begin_object();
    json.member("version", kPrometheusVersion);
    json.member("revision", "skein");
    json.member("branch", "main");
    json.member("buildUser", "");
    json.member("buildDate", "");
    json.member("goVersion", "");
    json.member("skeinVersion", kVersion);
    json.end_object();
    return out;
}

std::string runtime_json(const StatusSources& sources) {
    char folder[4096];
    char host[256] = {};
    const std::string cwd = getcwd(folder, sizeof folder) == nullptr ? "" : folder;
    gethostname(host, sizeof host - 1);
    std::string out;
    JsonWriter json(out);
    json.begin_object();
    json.member("startTime", base::format_rfc3339_ns(sources.started_ms * 1'000'000));
    json.member("CWD", cwd);
    json.member("hostname", host);
    json.member("serverTime", base::format_rfc3339_ns(sources.clock.now_ns()));
    json.key("reloadConfigSuccess");
    json.boolean(sources.reload.last_successful());
    json.member("lastConfigTime",
                base::format_rfc3339_ns(sources.reload.last_success_ms() * 1'000'000));
    json.key("corruptionCount");
    json.integer(static_cast<int64_t>(sources.corruptions()));
    json.key("goroutineCount");
    json.integer(0);
    json.key("GOMAXPROCS");
    json.integer(std::thread::hardware_concurrency());
    json.key("GOMEMLIMIT");  // ours, where clients look for Go's
    json.integer(sources.memory_limit);
    json.member("GOGC", "");
    json.member("GODEBUG", "");
    json.member(
        "storageRetention",
        retention_text(storage_retention(sources.flags, sources.reload.current()->storage)));
    json.end_object();
    return out;
}

Response ready_answer(const Readiness& readiness) {
    if (readiness.ready()) {
        return Response::text(200, "Prometheus Server is Ready.\n");
    }
    Response response = Response::text(503, "Service Unavailable");
    response.headers.add("X-Prometheus-Stopping",
                         readiness.get() == Readiness::State::kStopping ? "true" : "false");
    return response;
}

void add_status(base::http::Router& router, const StatusSources& sources) {
    RouteOptions api;
    api.cors = true;
    api.pool = sources.pool;
    const auto add = [&](const char* path, std::function<std::string()> data) {
        router.add(
            {Method::kGet},
            path,
            [data = std::move(data)](const Request&, const RequestContext&) {
                return model::api_success(data());
            },
            api);
    };
    add("/api/v1/status/config", [sources] { return config_json(sources); });
    add("/api/v1/status/flags", [sources] { return flags_json(sources); });
    add("/api/v1/status/buildinfo", build_json);
    add("/api/v1/status/runtimeinfo", [sources] { return runtime_json(sources); });
}

void add_health(base::http::Router& router, const StatusSources& sources) {
    router.add({Method::kGet}, "/-/healthy", [](const Request&, const RequestContext&) {
        return Response::text(200, "Prometheus Server is Healthy.\n");
    });
    router.add({Method::kGet},
               "/-/ready",
               [&readiness = sources.readiness](const Request&, const RequestContext&) {
                   return ready_answer(readiness);
               });
    router.add({Method::kGet}, "/version", [](const Request&, const RequestContext&) {
        return Response::json(200, build_json());
    });
    RouteOptions metrics;
    metrics.pool = sources.pool;
    router.add(
        {Method::kGet},
        "/metrics",
        [&registry = sources.registry](const Request&, const RequestContext&) {
            Response response;
            registry.write_text(response.body);
            response.headers.add("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
            return response;
        },
        metrics);
}

void add_lifecycle(base::http::Router& router, const StatusSources& sources) {
    const bool enabled = sources.flags.boolean("web.enable-lifecycle");
    const MethodSet methods{Method::kPost, Method::kPut};
    RouteOptions options;
    options.pool = sources.pool;
    const auto add = [&](const char* path, std::function<Response()> action) {
        router.add(
            methods,
            path,
            [enabled, action = std::move(action)](const Request&, const RequestContext&) {
                return enabled ? action() : Response::text(403, "Lifecycle API is not enabled.\n");
            },
            options);
    };
    add("/-/reload", [&reload = sources.reload] {
        const base::Status done = reload.reload();
        return done.has_value()
                   ? Response::text(200, "")
                   : Response::text(500,
                                    "failed to reload config: " + done.error().message() + "\n");
    });
    add("/-/quit", [quit = sources.quit] {
        quit();
        return Response::text(200, "Requesting termination... Goodbye!\n");
    });
}

}  // namespace

void register_status_routes(base::http::Router& router, StatusSources sources) {
    add_status(router, sources);
    add_health(router, sources);
    add_lifecycle(router, sources);
}

base::http::Handler when_ready(const Readiness& readiness, base::http::Handler handler) {
    return [&readiness, handler = std::move(handler)](const Request& request,
                                                      const RequestContext& context) {
        return readiness.ready() ? handler(request, context) : ready_answer(readiness);
    };
}

}  // namespace engine

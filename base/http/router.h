// Which handler answers which path.
#pragma once

#include <chrono>
#include <functional>
#include <initializer_list>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/async/task.h"
#include "base/clock.h"
#include "base/http/message.h"

namespace base {
class WorkerPool;
}

namespace base::http {

// A set of methods: MethodSet{Method::kGet, Method::kPost}.
class MethodSet {
  public:
    MethodSet(std::initializer_list<Method> methods) {
        for (const Method method : methods) {
            bits_ |= bit(method);
        }
    }

    // Everything.
    [[nodiscard]] static MethodSet any();

    [[nodiscard]] bool has(Method method) const { return (bits_ & bit(method)) != 0; }

    // "GET, HEAD, POST" for the Allow header.
    [[nodiscard]] std::string to_string() const;

  private:
    static uint32_t bit(Method method) { return 1U << static_cast<uint32_t>(method); }

    uint32_t bits_ = 0;
};

// What a handler knows beside the request.
struct RequestContext {
    // Raised when the client goes away, the server stops, or the deadline passes.
    std::stop_token stop;
    Deadline deadline;
};

// Runs on the route's pool, or on a lane when there is none: then it must not block.
using Handler = std::function<Response(const Request& request, const RequestContext& context)>;
// Runs on the connection's lane. Both references live until the task ends. Its Result's error
// becomes Response::error().
using AsyncHandler =
    std::function<Task<Response>(const Request& request, const RequestContext& context)>;

struct RouteOptions {
    WorkerPool* pool = nullptr;            // null: on the lane, quickly
    size_t body_limit = 10 * 1024 * 1024;  // bytes of a request body; more: 413
    Duration timeout{0};                   // 0: no deadline but the client's patience
    bool cors = false;                     // Access-Control-* as --web.cors.origin says
    std::string name;                      // label `handler` of the metrics; empty: the pattern
};

struct Route {
    MethodSet methods;
    std::string pattern;
    std::variant<Handler, AsyncHandler> handler;
    RouteOptions options;
};

// Patterns are "/a/b", "/a/:name/b" (one whole segment) and "/a/*name" (the whole rest, last).
// Exact segments win over :name, :name over *name. HEAD is answered by the GET route.
//   threads   built by one thread, then read by all
class Router {
  public:
    // errors by CHECK: two routes with the same pattern and a method in common
    void add(MethodSet methods, std::string pattern, Handler handler, RouteOptions options = {});
    void add_async(MethodSet methods,
                   std::string pattern,
                   AsyncHandler handler,
                   RouteOptions options = {});

    struct Match {
        const Route* route = nullptr;  // null: nothing matched
        Params path_params;
        std::string allow;  // not empty: the path exists with other methods
    };

    [[nodiscard]] Match match(Method method, std::string_view path) const;

    [[nodiscard]] const std::vector<std::unique_ptr<Route>>& routes() const { return routes_; }

  private:
    void insert(Route route);

    std::vector<std::unique_ptr<Route>> routes_;
};

}  // namespace base::http

// Scraping's endpoints of the HTTP API: targets, their metadata, the pools.
// source: Prometheus HTTP API
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/http/router.h"
#include "base/result.h"
#include "model/matcher.h"
#include "scrape/manager.h"

namespace base {
class JsonWriter;
}

namespace scrape {

// Reads a series selector. The layer that knows PromQL provides it.
using ParseSelector =
    std::function<base::Result<std::vector<model::Matcher>>(std::string_view selector)>;

struct ApiOptions {
    // What a browser elsewhere puts in place of localhost: host and port of --web.external-url.
    std::string external_scheme = "http";
    std::string external_host;  // "host:port"
    std::string listen_port;    // our own: a target on it is at external_host
    std::string node;           // that scrapes the active targets, told with each; empty: not told
};

// A target's URL as a browser elsewhere has to write it.
[[nodiscard]] std::string global_url(const std::string& url, const ApiOptions& options);

// From --web.external-url (empty: addresses stay as they are) and "host:port" we listen on.
[[nodiscard]] ApiOptions api_options(const std::string& external_url,
                                     const std::string& listen_address);

// Handlers for /api/v1/targets, targets/metadata, metadata and scrape_pools.
//   threads   any but a lane: they ask the scraping lanes and wait
//   lifetime  borrows the manager
class HttpApi {
  public:
    HttpApi(const Manager& manager, ParseSelector parse_selector, ApiOptions options)
        : manager_(manager),
          parse_selector_(std::move(parse_selector)),
          options_(std::move(options)) {}

    [[nodiscard]] base::http::Response targets(const base::http::Request& request) const;
    [[nodiscard]] base::http::Response targets_metadata(const base::http::Request& request) const;
    [[nodiscard]] base::http::Response metadata(const base::http::Request& request) const;
    [[nodiscard]] base::http::Response scrape_pools(const base::http::Request& request) const;

    // The array of active targets alone. `pool`: of this job; empty: of all.
    [[nodiscard]] std::string active_targets(std::string_view pool) const;
    // The array of names.
    [[nodiscard]] std::string pools() const;

  private:
    void write_active(base::JsonWriter& json, const TargetView& view) const;
    const Manager& manager_;
    const ParseSelector parse_selector_;
    const ApiOptions options_;
};

// What the routes need. Manager and pool are borrowed and outlive the router.
struct RouteParts {
    const Manager& manager;
    base::WorkerPool* pool;
    std::string external_url;           // --web.external-url; empty: addresses stay as they are
    std::string listen_address;         // "host:port"
    ParseSelector parse_selector = {};  // null: match_target is refused
    bool lists_targets = true;          // false: somebody else answers targets and scrape_pools
};

// What is asked of targets, as it stands in a request.
struct TargetsWanted {
    bool active = true, dropped = true;
    std::string pool;  // empty: all
};

[[nodiscard]] TargetsWanted targets_wanted(const base::http::Request& request);

// GET /api/v1/targets, /api/v1/targets/metadata, /api/v1/metadata, /api/v1/scrape_pools.
void register_routes(base::http::Router& router, const RouteParts& parts);

}  // namespace scrape

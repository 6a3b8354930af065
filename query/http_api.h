// The query API: /api/v1/query, query_range, queries, series, labels, label values, format_query,
// parse_query, query_exemplars, search, and /federate.
// source: Prometheus HTTP API v1
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/http/message.h"
#include "model/exemplar.h"
#include "model/labels.h"
#include "model/metadata.h"
#include "model/query_scope.h"
#include "model/storage.h"
#include "query/engine.h"

namespace base {
class WorkerPool;
}

namespace base::http {
class Router;
}

namespace query {

// Where answers come from. Engine and storage are asked per request; they are there whenever a
// request gets through.
struct ApiSources {
    std::function<Engine&()> engine;
    // What a request is about, never null: query, query_range, series, labels, label values.
    std::function<std::shared_ptr<model::Queryable>(const model::QueryScope&)> queryable;
    std::function<model::Queryable&()> local_queryable;          // /federate: this node's own
    std::function<model::Labels()> external_labels;              // /federate
    std::function<const model::ExemplarQueryable&()> exemplars;  // query_exemplars
    const base::Clock* clock = nullptr;
    Metrics* metrics = nullptr;     // may be null
    bool admin = false;             // --web.enable-admin-api: anybody may cancel any query
    bool search = false;            // --enable-feature=search-api
    uint64_t search_limit_max = 0;  // most results of a search; 0: no limit
    // What is known of all metrics, by family; may be null.
    std::function<std::map<std::string, std::set<model::Metadata>, std::less<>>()> metadata;
    base::WorkerPool* pool = nullptr;         // where queries run
    base::WorkerPool* status_pool = nullptr;  // where what looks at them runs, however many do
};

// Who asks, and how long for.
struct Caller {
    std::stop_token stop;
    base::Deadline deadline;
};

inline constexpr int64_t kPointsMax = 11'000;           // per series of a range query
inline constexpr size_t kFrameBytes = size_t{1} << 18;  // of a streamed answer

// The parts of ApiSources outlive the server.
void register_routes(base::http::Router& router, const ApiSources& sources);

// The handlers, for tests and for other mounts.
[[nodiscard]] base::http::Response handle_query(const ApiSources& sources,
                                                const base::http::Request& request,
                                                const Caller& caller);
[[nodiscard]] base::http::Response handle_query_range(const ApiSources& sources,
                                                      const base::http::Request& request,
                                                      const Caller& caller);
// What runs; and POST queries/ID/cancel: 204.
[[nodiscard]] base::http::Response handle_queries(const ApiSources& sources,
                                                  const base::http::Request& request);
[[nodiscard]] base::http::Response handle_cancel_query(const ApiSources& sources,
                                                       const base::http::Request& request);
[[nodiscard]] base::http::Response handle_series(const ApiSources& sources,
                                                 const base::http::Request& request,
                                                 const Caller& caller);
[[nodiscard]] base::http::Response handle_labels(const ApiSources& sources,
                                                 const base::http::Request& request,
                                                 const Caller& caller);
[[nodiscard]] base::http::Response handle_label_values(const ApiSources& sources,
                                                       const base::http::Request& request,
                                                       const Caller& caller);
[[nodiscard]] base::http::Response handle_query_exemplars(const ApiSources& sources,
                                                          const base::http::Request& request,
                                                          const Caller& caller);
[[nodiscard]] base::http::Response handle_format_query(const base::http::Request& request);
[[nodiscard]] base::http::Response handle_parse_query(const base::http::Request& request);

enum class SearchFor : uint8_t { kMetricNames, kLabelNames, kLabelValues };

// Lines of JSON: batches of what fits, then how it ended.
[[nodiscard]] base::http::Response handle_search(const ApiSources& sources,
                                                 const base::http::Request& request,
                                                 const Caller& caller,
                                                 SearchFor kind);
[[nodiscard]] base::http::Response handle_federate(const ApiSources& sources,
                                                   const base::http::Request& request,
                                                   const Caller& caller);

}  // namespace query

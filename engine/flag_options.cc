#include "engine/flag_options.h"

#include <algorithm>
#include <chrono>

#include "engine/cluster_access.h"
#include "engine/features.h"
#include "engine/node_state.h"
#include "engine/routes.h"

namespace engine {

using std::chrono::milliseconds;

namespace {

constexpr size_t kReadThreadsMax = 64;

}  // namespace

query::Options query_options(const FlagValues& flags,
                             const ProcessLimits& limits,
                             const config::Config& config) {
    query::Options options;
    options.lookback_delta = milliseconds(flags.duration_ms("query.lookback-delta"));
    options.timeout = milliseconds(flags.duration_ms("query.timeout"));
    options.max_samples = flags.integer("query.max-samples");
    options.max_concurrency =
        static_cast<size_t>(std::max<int64_t>(1, flags.integer("query.max-concurrency")));
    const int64_t threads = flags.integer("query.max-threads");
    options.max_threads = threads > 0 ? static_cast<size_t>(threads) : limits.cores;
    options.max_query_memory = limits.query_bytes;
    options.default_subquery_step = config.evaluation_interval;
    const Features features(flags);
    options.experimental_functions = features.has("promql-experimental-functions");
    options.extended_range_selectors = features.has("promql-extended-range-selectors");
    options.binop_fill_modifiers = features.has("promql-binop-fill-modifiers");
    options.delayed_name_removal = features.has("promql-delayed-name-removal");
    options.per_step_stats = features.has("promql-per-step-stats");
    return options;
}

scrape::EngineOptions scrape_options(const FlagValues& flags) {
    scrape::EngineOptions options;
    options.adjust_timestamps = flags.boolean("scrape.adjust-timestamps");
    options.timestamp_tolerance = milliseconds(flags.duration_ms("scrape.timestamp-tolerance"));
    options.discovery_reload_interval =
        milliseconds(flags.duration_ms("scrape.discovery-reload-interval"));
    options.exemplars = Features(flags).has("exemplar-storage");
    options.host_name = host_name();
    options.shared_phase = in_cluster(flags);
    return options;
}

base::http::ServerOptions web_options(const FlagValues& flags) {
    base::http::ServerOptions options;
    options.listen_addresses = flags.list("web.listen-address");
    options.max_connections = static_cast<size_t>(flags.integer("web.max-connections"));
    options.read_timeout = milliseconds(flags.duration_ms("web.read-timeout"));
    options.idle_timeout = options.read_timeout;
    options.route_prefix = route_prefix(flags);
    options.cors_origin = flags.text("web.cors.origin");
    return options;
}

// A remote read holds its thread while it works: as many as may run at once.
size_t read_threads(const FlagValues& flags) {
    const int64_t most = flags.integer("storage.remote.read-concurrent-limit");
    return most <= 0 ? kReadThreadsMax : std::min(static_cast<size_t>(most), kReadThreadsMax);
}

storeapi::ReadOptions read_options(const FlagValues& flags) {
    storeapi::ReadOptions options;
    options.samples_max = static_cast<uint64_t>(
        std::max<int64_t>(0, flags.integer("storage.remote.read-sample-limit")));
    if (const int64_t bytes = flags.integer("storage.remote.read-max-bytes-in-frame"); bytes > 0) {
        options.frame_bytes_max = static_cast<size_t>(bytes);
    }
    return options;
}

}  // namespace engine

#include "engine/store_api.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "engine/cluster_access.h"
#include "engine/routes.h"
#include "query/parser.h"
#include "query/selectors.h"
#include "scrape/http_api.h"
#include "scrape/known_metadata.h"
#include "storeapi/services.h"

namespace engine {
namespace {

using std::chrono::milliseconds;

// The first of two names of one flag that was given; the first one's default otherwise.
std::string text_of(const FlagValues& flags, const char* name, const char* other) {
    return flags.given(other) && !flags.given(name) ? flags.text(other) : flags.text(name);
}

base::rpc::ServerOptions server_options(const FlagValues& flags) {
    base::rpc::ServerOptions options;
    options.listen_address = grpc_address(flags);
    options.tls = grpc_tls(flags);
    options.max_concurrent_streams =
        static_cast<size_t>(std::max<int64_t>(0, flags.integer("grpc.max-concurrent-streams")));
    options.call_max = milliseconds(flags.duration_ms("grpc.max-call-duration"));
    return options;
}

storeapi::TargetHealth health_of(scrape::Health health) {
    switch (health) {
        case scrape::Health::kUp:
            return storeapi::TargetHealth::kUp;
        case scrape::Health::kDown:
            return storeapi::TargetHealth::kDown;
        case scrape::Health::kUnknown:
            break;
    }
    return storeapi::TargetHealth::kUnknown;
}

std::vector<storeapi::TargetReport> active_targets(const scrape::Manager& manager,
                                                   const scrape::ApiOptions& options) {
    std::vector<storeapi::TargetReport> reports;
    for (scrape::TargetView& view : manager.targets()) {
        reports.push_back({.target = view.target,
                           .global_url = scrape::global_url(view.target->url, options),
                           .health = health_of(view.status.health),
                           .last_error = std::move(view.status.last_error),
                           .last_scrape_ns = view.status.last_scrape_ns,
                           .last_duration_seconds = view.status.last_duration_seconds});
    }
    return reports;
}

std::vector<model::Labels> dropped_targets(const scrape::Manager& manager) {
    std::vector<model::Labels> dropped;
    for (const auto& [job, targets] : manager.resolved()) {
        for (const model::DroppedTarget& target : targets->dropped) {
            dropped.push_back(target.discovered);
        }
    }
    return dropped;
}

std::vector<model::MetricMetadata> metadata(const scrape::Manager& manager) {
    std::vector<model::MetricMetadata> all;
    for (const auto& [metric, entries] : scrape::known_metadata(manager, "", 0)) {
        for (const model::Metadata& entry : entries) {
            all.push_back({.metric = metric, .metadata = entry});
        }
    }
    return all;
}

storeapi::StorageFigures::Counts counts_of(const std::vector<tsdb::NamedCount>& counts) {
    storeapi::StorageFigures::Counts all;
    for (const tsdb::NamedCount& count : counts) {
        all.emplace_back(count.name, count.value);
    }
    return all;
}

storeapi::StorageFigures figures(const tsdb::Db& db, size_t limit) {
    const tsdb::HeadStats stats = db.stats();
    const tsdb::Cardinality cardinality = db.cardinality(limit);
    return {.series = stats.series,
            .label_pairs = stats.label_pairs,
            .chunks = stats.chunks,
            .min_time = stats.min_time,
            .max_time = stats.max_time,
            .series_by_metric_name = counts_of(cardinality.series_by_metric_name),
            .values_by_label_name = counts_of(cardinality.values_by_label_name),
            .memory_by_label_name = counts_of(cardinality.memory_by_label_name),
            .series_by_label_pair = counts_of(cardinality.series_by_label_pair)};
}

base::Result<std::vector<std::vector<model::Matcher>>> parse_selectors(const query::Engine& engine,
                                                                       std::string_view text) {
    TRY(const auto expr, query::parse_query(text, engine.parse_options()));
    return query::selectors_of(*expr);
}

storeapi::Sources sources_of(const StoreApi::Parts& parts) {
    const FlagValues& flags = parts.flags;
    const auto limit = [&](const char* name) {
        return static_cast<uint64_t>(std::max<int64_t>(0, flags.integer(name)));
    };
    const scrape::ApiOptions urls =
        scrape::api_options(external_url(flags), flags.list("web.listen-address").front());
    return {.storage = parts.storage,
            .clock = parts.clock,
            .budget = parts.budget,
            .options = {.request_series_max = limit("store.limits.request-series"),
                        .request_samples_max = limit("store.limits.request-samples")},
            .ready = parts.ready,
            .labels = parts.labels,
            .exemplars = [db = parts.db]() -> const model::ExemplarQueryable& { return db(); },
            .parse_selectors = [&engine = parts.engine](
                                   std::string_view text) { return parse_selectors(engine, text); },
            .active_targets = [&manager = parts.manager,
                               urls] { return active_targets(manager, urls); },
            .dropped_targets = [&manager = parts.manager] { return dropped_targets(manager); },
            .metadata = [&manager = parts.manager] { return metadata(manager); },
            .figures = [db = parts.db](size_t most) { return figures(db(), most); }};
}

storeapi::NodeSources node_sources_of(const StoreApi::Parts& parts) {
    return {.storage = parts.storage,
            .clock = parts.clock,
            .budget = parts.budget,
            .ready = parts.ready,
            .labels = parts.labels,
            .node_id = parts.node_id,
            .partial = [&engine = parts.engine, &storage = parts.storage](
                           const model::Fragment& fragment, const model::QueryContext& context) {
                return engine.partial(fragment, storage, context);
            }};
}

}  // namespace

std::string grpc_address(const FlagValues& flags) {
    return text_of(flags, "grpc.listen-address", "grpc-address");
}

base::rpc::ServerTls grpc_tls(const FlagValues& flags) {
    return {
        .cert_file = text_of(flags, "grpc-server-tls-cert", "grpc.server-tls-cert"),
        .key_file = text_of(flags, "grpc-server-tls-key", "grpc.server-tls-key"),
        .client_ca_file = text_of(flags, "grpc-server-tls-client-ca", "grpc.server-tls-client-ca")};
}

model::Labels store_labels(const model::Labels& external,
                           const std::string& replica_label,
                           const std::string& node_id) {
    if (replica_label.empty() || external.has(replica_label)) {
        return external;
    }
    model::LabelsBuilder builder(external);
    builder.set(replica_label, node_id);
    return builder.labels();
}

StoreApi::StoreApi(const Parts& parts)
    : sources_(sources_of(parts)),
      node_sources_(node_sources_of(parts)),
      pool_({.name = "storeapi",
             .threads = parts.threads,
             .queue_max = base::rpc::ServerOptions().calls_max}) {}

base::Result<std::unique_ptr<StoreApi>> StoreApi::start(const Parts& parts) {
    const base::rpc::ServerOptions options = server_options(parts.flags);
    std::unique_ptr<StoreApi> api(new StoreApi(parts));
    std::vector<base::rpc::Method> methods = storeapi::make_services(api->sources_);
    if (in_cluster(parts.flags)) {
        std::ranges::move(storeapi::make_node_service(api->node_sources_),
                          std::back_inserter(methods));
    }
    std::ranges::copy(parts.more, std::back_inserter(methods));
    auto started = base::rpc::Server::start(
        options, std::move(methods), {api->pool_, parts.clock, parts.metrics});
    if (!started) {
        const bool asked_for = parts.flags.given("grpc.listen-address") ||
                               parts.flags.given("grpc-address") || in_cluster(parts.flags);
        if (asked_for || started.error().code() != base::Code::kUnavailable) {
            return base::fail(std::move(started).error());
        }
        parts.log.warn(
            "no StoreAPI: another program has its default address; give "
            "--grpc.listen-address another one, or an empty one to do without",
            "error",
            started.error());
        return std::unique_ptr<StoreApi>();
    }
    api->server_ = std::move(started).value();
    parts.log.info(
        "listening for gRPC", "address", api->server_->address(), "tls", options.tls.enabled());
    return api;
}

}  // namespace engine

// What a node answers: HTTP and gRPC.
#include <algorithm>

#include <signal.h>

#include "engine/admin_api.h"
#include "engine/cluster/cluster_web.h"
#include "engine/cluster_access.h"
#include "engine/features.h"
#include "engine/features_api.h"
#include "engine/flag_options.h"
#include "engine/node_body.h"
#include "engine/notifications_api.h"
#include "engine/openapi.h"
#include "engine/routes.h"
#include "engine/rules_api.h"
#include "engine/scrape_pools_api.h"
#include "engine/self_metrics_api.h"
#include "engine/stores_api.h"
#include "query/http_api.h"
#include "query/parse_error.h"
#include "query/parser.h"
#include "scrape/http_api.h"
#include "scrape/known_metadata.h"
#include "storeapi/remote/read_api.h"

namespace engine {
namespace {

base::Result<std::vector<model::Matcher>> parse_selector(std::string_view text) {
    const auto parsed = query::parse_selector(text);
    if (!parsed) {
        return base::fail(base::Code::kInvalid, query::to_string(parsed.error(), text));
    }
    std::vector<model::Matcher> matchers;
    for (const query::MatcherSpec& spec : parsed.value()) {
        TRY(auto matcher, model::Matcher::create(spec.type, spec.name, spec.value));
        matchers.push_back(std::move(matcher));
    }
    return matchers;
}

}  // namespace

base::http::Router Node::routes() {
    base::http::Router router;
    register_status_routes(router,
                           {.clock = clock_,
                            .registry = registry_,
                            .readiness = readiness_,
                            .reload = reload_,
                            .flags = flags_,
                            .quit = [this] { request(true); },
                            .corruptions = [this] { return replay_status_.corruptions(); },
                            .started_ms = started_ms_,
                            .memory_limit = limits_.memory_bytes,
                            .pool = page_pool_.get()});
    add_front_page(router);
    add_cluster_page(router);
    register_features_route(router, flags_);
    register_openapi_route(router);
    register_notification_routes(router, notifications_);
    tsdb::register_replay_route(router, replay_status_);
    base::http::Router gated;
    tsdb::register_routes(gated, [this]() -> const tsdb::Db& { return *db_; }, page_pool_.get());
    register_admin_routes(gated,
                          {.enabled = flags_.boolean("web.enable-admin-api"),
                           .db = [this]() -> tsdb::Db& { return *db_; },
                           .pool = admin_pool_.get()});
    add_stores_page(gated, [this] { return cluster_->others(); });
    scrape::register_routes(gated,
                            {.manager = *manager_,
                             .pool = page_pool_.get(),
                             .external_url = external_url(flags_),
                             .listen_address = flags_.list("web.listen-address").front(),
                             .parse_selector = parse_selector,
                             .lists_targets = cluster_node_ == nullptr});
    cluster_web_->add_routes(gated);
    query::register_routes(
        gated,
        {.engine = [this]() -> query::Engine& { return *engine_; },
         .queryable = [this](const model::QueryScope& scope) { return cluster_->queryable(scope); },
         .local_queryable = [this]() -> model::Queryable& { return storage_; },
         .external_labels = [this] { return reload_.current()->scrape.external_labels; },
         .exemplars = [this]() -> const model::ExemplarQueryable& { return *db_; },
         .clock = &clock_,
         .metrics = &query_metrics_,
         .admin = flags_.boolean("web.enable-admin-api"),
         .search = Features(flags_).has("search-api"),
         .search_limit_max =
             static_cast<uint64_t>(std::max<int64_t>(0, flags_.integer("web.search.max-limit"))),
         .metadata = [this] { return scrape::known_metadata(*manager_, "", 0); },
         .pool = query_pool_.get(),
         .status_pool = page_pool_.get()});
    register_scrape_pool_routes(gated, [this] { return reload_.current(); }, page_pool_.get());
    register_self_metrics_route(gated, registry_, page_pool_.get());
    register_rules_routes(gated, [this] { return reload_.current(); });
    storeapi::register_read_route(
        gated,
        {.storage = storage_,
         .clock = clock_,
         .budget = query_memory_,
         .options = read_options(flags_),
         .external_labels = [this] { return reload_.current()->scrape.external_labels; },
         .pool = read_pool_.get()});
    mount_when_ready(router, gated, readiness_);
    return router;
}

base::Status Node::listen() {
    base::http::WebOptionsSource web;
    if (flags_.given("web.config.file")) {
        web_config_ = std::make_unique<WebConfigFile>(*files_, flags_.text("web.config.file"));
        TRY(web_config_->current());
        web = [this] { return web_config_->current(); };
    }
    TRY(server_,
        base::context(base::http::Server::start(*serving_,
                                                routes(),
                                                web_options(flags_),
                                                std::move(web),
                                                page_pool_.get(),
                                                http_metrics_.get()),
                      "listen for HTTP (--web.listen-address)"));
    signals_ = std::make_unique<base::Signals>(serving_->lane(0),
                                               std::initializer_list<int>{SIGTERM, SIGINT, SIGHUP},
                                               [this](int signal) { request(signal != SIGHUP); });
    return base::success();
}

model::Labels Node::store_api_labels() const {
    return store_labels(reload_.current()->scrape.external_labels,
                        flags_.text("store.replica-label"),
                        state_->node_id());
}

base::Status Node::listen_grpc() {
    if (grpc_address(flags_).empty()) {
        return base::success();
    }
    TRY(store_api_,
        base::context(
            StoreApi::start({.flags = flags_,
                             .clock = clock_,
                             .metrics = grpc_metrics_,
                             .log = log_.with("component", "grpc"),
                             .budget = query_memory_,
                             .threads = limits_.query_threads,
                             .storage = storage_,
                             .manager = *manager_,
                             .engine = *engine_,
                             .ready = [this] { return readiness_.ready(); },
                             .labels = [this] { return store_api_labels(); },
                             .db = [this]() -> const tsdb::Db& { return *db_; },
                             .node_id = state_->node_id(),
                             .more = cluster_node_ == nullptr ? std::vector<base::rpc::Method>()
                                                              : cluster_node_->methods()}),
            "listen for gRPC (--grpc.listen-address)"));
    return base::success();
}

}  // namespace engine

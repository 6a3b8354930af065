#include "engine/node.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include <signal.h>
#include <unistd.h>

#include "base/async/runtime.h"
#include "base/async/signals.h"
#include "base/async/worker_pool.h"
#include "base/http/client.h"
#include "base/kv_store.h"
#include "base/log.h"
#include "base/random.h"
#include "config/target_groups.h"
#include "engine/admin_api.h"
#include "engine/cluster/cluster_metrics.h"
#include "engine/cluster/cluster_node.h"
#include "engine/cluster/cluster_web.h"
#include "engine/cluster/turn_thread.h"
#include "engine/cluster_access.h"
#include "engine/cluster_admission.h"
#include "engine/cluster_queries.h"
#include "engine/features.h"
#include "engine/features_api.h"
#include "engine/flag_options.h"
#include "engine/flags.h"
#include "engine/free_memory.h"
#include "engine/http_metrics.h"
#include "engine/late_storage.h"
#include "engine/limits.h"
#include "engine/maintenance.h"
#include "engine/memory_governor.h"
#include "engine/metadata_store.h"
#include "engine/node_state.h"
#include "engine/notifications.h"
#include "engine/openapi.h"
#include "engine/process_metrics.h"
#include "engine/query_records.h"
#include "engine/routes.h"
#include "engine/rules_api.h"
#include "engine/status_api.h"
#include "engine/storage_options.h"
#include "engine/store_api.h"
#include "engine/stores_api.h"
#include "engine/version.h"
#include "engine/web_config_file.h"
#include "query/engine.h"
#include "query/http_api.h"
#include "query/parse_error.h"
#include "query/parser.h"
#include "scrape/discovery/discovery.h"
#include "scrape/http_api.h"
#include "scrape/manager.h"
#include "storeapi/remote/read_api.h"
#include "tsdb/db.h"
#include "tsdb/http_api.h"

namespace engine {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kScrapeTick{10};
constexpr milliseconds kMetadataFlush{5000};
constexpr milliseconds kClusterMetrics{1000};
constexpr milliseconds kMemoryLook{250};          // between two looks at what queries may hold
constexpr std::chrono::seconds kRequestGrace{4};  // for running requests at a stop
constexpr size_t kPageThreads = 2;
constexpr size_t kQueueMax = 512;
constexpr double kMemoryHigh = 0.9;    // part of the limit from which on a node gets no targets
constexpr size_t kAdminQueueMax = 16;  // requests that change data wait for one another

// The process' own memory, in bytes; 0 under a sanitizer, which takes several times of it.
int64_t resident_memory() {
#if defined(__has_feature) && (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
    return 0;
#else
    return static_cast<int64_t>(process_memory().own);
#endif
}

base::LogFormat log_format(const FlagValues& flags) {
    const auto format = base::parse_log_format(flags.text("log.format"));
    return format.has_value() ? format.value() : base::LogFormat::kLogfmt;
}

base::LogLevel log_level(const FlagValues& flags) {
    const auto level = base::parse_log_level(flags.text("log.level"));
    return level.has_value() ? level.value() : base::LogLevel::kInfo;
}

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

// The parts of a node, in the order they need each other: each uses only what stands above it, so
// destruction, which runs upwards, takes them apart safely even when the start failed half-way.
class Node {
  public:
    explicit Node(const FlagValues& flags)
        : flags_(flags),
          backend_(sink_, clock_, log_format(flags), log_level(flags)),
          log_(backend_),
          limits_(process_limits(flags)),
          files_(base::make_posix_files()),
          memory_("storage.memory-limit", limits_.memory_bytes),
          query_memory_("query memory (what --storage.memory-limit leaves)",
                        memory_,
                        limits_.all_queries_bytes),
          network_memory_("scrape memory (a quarter of --storage.memory-limit)",
                          limits_.memory_bytes / 4),
          governor_(memory_,
                    query_memory_,
                    network_memory_,
                    limits_.all_queries_bytes,
                    allocator_free_memory()),
          process_metrics_(register_process_metrics(registry_, clock_)),
          reload_(*files_,
                  clock_,
                  log_.with("component", "config"),
                  registry_,
                  flags.text("config.file")) {}

    base::Status start();
    // Waits until asked to stop; reloads when asked to.
    void serve();
    // In the reverse order of start().
    void stop();

    [[nodiscard]] const base::Registry& registry() const { return registry_; }

    // All of it; made anew each time.
    [[nodiscard]] base::http::Router routes();

    [[nodiscard]] const base::Logger& log() const { return log_; }

  private:
    void announce();
    base::Status open_state();
    void build_parts();
    base::Status listen();
    [[nodiscard]] model::Labels store_api_labels() const;
    base::Status listen_grpc();
    [[nodiscard]] ClusterNode::Parts cluster_parts();
    void update_cluster_metrics();
    [[nodiscard]] uint64_t own_series_budget() const;
    [[nodiscard]] AloneFigures alone_figures() const;
    base::Status join_cluster();
    void apply_discovery(const config::Config& config);
    [[nodiscard]] shard::Totals totals();
    base::Status open_storage();
    base::Status begin_scraping();
    void request(bool stop);

    const FlagValues& flags_;
    base::SystemClock clock_;
    base::SystemRandom random_;
    base::StderrSink sink_;
    base::LogBackend backend_;
    base::Logger log_;
    const ProcessLimits limits_;
    base::Registry registry_;
    std::unique_ptr<base::Files> files_;
    base::Budget memory_, query_memory_, network_memory_;
    MemoryGovernor governor_;
    std::vector<base::MetricCallback> process_metrics_;
    base::rpc::ServerMetrics grpc_metrics_{registry_};  // there without a server, too
    ClusterMetrics cluster_metrics_{registry_};         // and without a cluster
    Readiness readiness_;
    ConfigReload reload_;
    std::unique_ptr<NodeState> state_;
    std::unique_ptr<MetadataStore> metadata_;
    tsdb::ReplayStatus replay_status_;
    LateStorage storage_;
    std::unique_ptr<tsdb::Db> db_;
    query::Metrics query_metrics_{registry_};
    std::unique_ptr<query::Engine> engine_;
    std::unique_ptr<WebConfigFile> web_config_;
    std::unique_ptr<HttpMetrics> http_metrics_;
    std::unique_ptr<base::Runtime> serving_, scraping_;
    std::unique_ptr<base::WorkerPool> query_pool_, read_pool_, page_pool_, admin_pool_;
    std::unique_ptr<base::http::ClientShared> client_;
    std::unique_ptr<scrape::Metrics> scrape_metrics_;
    base::Secret cluster_key_;                   // of --cluster.key-file
    std::unique_ptr<TurnThread> steering_;       // what the cluster's news lead to
    std::unique_ptr<ClusterNode> cluster_node_;  // null: without --cluster.join
    std::unique_ptr<scrape::Manager> manager_;
    std::unique_ptr<ClusterWeb> cluster_web_;
    std::unique_ptr<scrape::Discovery> discovery_;
    std::unique_ptr<ClusterQueries> cluster_;
    std::vector<base::MetricCallback> part_metrics_;
    std::unique_ptr<base::http::Server> server_;
    std::unique_ptr<StoreApi> store_api_;  // null: there is none
    std::unique_ptr<Maintenance> maintenance_;
    int64_t started_ms_ = 0;

    base::Mutex discovering_;  // one at a time decides what discovery is to do
    bool discovers_ GUARDED_BY(discovering_) = true;

    base::Mutex mutex_;
    base::CondVar asked_;
    bool stop_asked_ GUARDED_BY(mutex_) = false;
    bool reload_asked_ GUARDED_BY(mutex_) = false;
    std::unique_ptr<base::Signals> signals_;
};

base::Status Node::start() {
    started_ms_ = clock_.now_ms();
    announce();
    TRY(check_cluster_access(flags_));
    TRY(cluster_key_, read_cluster_key(*files_, flags_.text("cluster.key-file")));
    TRY(reload_.load_first());
    TRY(open_state());
    build_parts();
    TRY(listen());
    TRY(listen_grpc());
    TRY(join_cluster());
    TRY(open_storage());
    TRY(begin_scraping());
    readiness_.set(Readiness::State::kReady);
    if (store_api_ != nullptr) {
        store_api_->set_serving(true);
    }
    log_.info("server is ready to receive web requests", "address", server_->addresses().front());
    return base::success();
}

void Node::announce() {
    log_.info("starting skein",
              "version",
              kVersion,
              "prometheus_api",
              kPrometheusVersion,
              "memory_limit_bytes",
              limits_.memory_bytes,
              "memory_limit_from",
              limits_.memory_from,
              "cores",
              limits_.cores);
    for (const FlagSpec& flag : server_flags()) {
        if (!flag.ignored.empty() && flags_.given(flag.name)) {
            log_.warn("flag has no effect", "flag", flag.name, "reason", flag.ignored);
        }
    }
    Features(flags_).announce(log_);
}

base::Status Node::open_state() {
    TRY(state_, NodeState::open(*files_, flags_, random_));
    TRY(metadata_, MetadataStore::open(state_->store()));
    return base::success();
}

void Node::build_parts() {
    base::LaneOptions scrape_lane;
    scrape_lane.name = "scrape";
    scrape_lane.tick = kScrapeTick;
    base::LaneOptions serve_lane;
    serve_lane.name = "serve";
    serving_ = std::make_unique<base::Runtime>(
        clock_, base::RuntimeOptions{.lanes = 1, .lane = serve_lane});
    scraping_ = std::make_unique<base::Runtime>(
        clock_, base::RuntimeOptions{.lanes = limits_.scrape_lanes, .lane = scrape_lane});
    query_pool_ = std::make_unique<base::WorkerPool>(
        base::WorkerPoolOptions{"query", limits_.query_threads, kQueueMax});
    read_pool_ = std::make_unique<base::WorkerPool>(
        base::WorkerPoolOptions{"read", read_threads(flags_), kQueueMax});
    page_pool_ = std::make_unique<base::WorkerPool>(
        base::WorkerPoolOptions{"page", kPageThreads, kQueueMax});
    admin_pool_ =
        std::make_unique<base::WorkerPool>(base::WorkerPoolOptions{"admin", 1, kAdminQueueMax});
    client_ = std::make_unique<base::http::ClientShared>();
    engine_ = std::make_unique<query::Engine>(
        query_options(flags_, limits_, *reload_.current()), storage_, clock_, query_memory_);
    engine_->watch_with(query_metrics_, log_.with("component", "query"));
    scrape_metrics_ = std::make_unique<scrape::Metrics>(registry_);
    if (in_cluster(flags_)) {
        steering_ = std::make_unique<TurnThread>("steering");
        cluster_node_ = std::make_unique<ClusterNode>(cluster_parts());
    }
    serving_->start();
    scraping_->start();
    manager_ = std::make_unique<scrape::Manager>(
        scrape_options(flags_),
        scrape::Manager::Parts{storage_,
                               *scraping_,
                               *client_,
                               *scrape_metrics_,
                               network_memory_,
                               metadata_.get(),
                               random_,
                               log_.with("component", "scrape"),
                               cluster_node_ == nullptr ? nullptr : &cluster_node_->scrapes()});
    cluster_web_ = std::make_unique<ClusterWeb>(ClusterWeb::Parts{
        .flags = flags_,
        .clock = clock_,
        .node_id = state_->node_id(),
        .cluster = cluster_node_.get(),
        .manager = *manager_,
        .targets =
            scrape::api_options(external_url(flags_), flags_.list("web.listen-address").front()),
        .alone = [this] { return alone_figures(); }});
    const scrape::SourceParts sources{serving_->lane(0),
                                      *client_,
                                      *files_,
                                      [](std::string_view text, std::string_view source) {
                                          return config::parse_target_groups(text,
                                                                             std::string(source));
                                      },
                                      *scrape_metrics_,
                                      log_.with("component", "discovery")};
    discovery_ = std::make_unique<scrape::Discovery>(
        sources, milliseconds(flags_.duration_ms("scrape.discovery-reload-interval")));
    cluster_ = std::make_unique<ClusterQueries>(
        ClusterQueries::Parts{.flags = flags_,
                              .clock = clock_,
                              .registry = registry_,
                              .log = log_.with("component", "peers"),
                              .own = storage_,
                              .node_id = state_->node_id(),
                              .labels = [this] { return store_api_labels(); },
                              .sources = sources});
    http_metrics_ = std::make_unique<HttpMetrics>(registry_, log_.with("component", "web"), clock_);
    const auto add = [&](const char* name, const char* help, std::function<double()> value) {
        part_metrics_.push_back(
            registry_.computed(base::MetricKind::kGauge, name, help, std::move(value)));
    };
    add("prometheus_ready", "Whether the server answers queries.", [this] {
        return readiness_.ready() ? 1.0 : 0.0;
    });
    add("prometheus_engine_queries", "Queries that run or wait.", [this] {
        return static_cast<double>(engine_->active_queries().count());
    });
    add("prometheus_engine_queries_concurrent_max", "Queries that may run at once.", [this] {
        return static_cast<double>(engine_->options().max_concurrency);
    });
    add("skein_memory_limit_bytes",
        "Bytes that series, samples, queries and bodies may hold together.",
        [this] { return static_cast<double>(memory_.limit()); });
    add("skein_memory_used_bytes",
        "Bytes they hold, what is kept ready for cutting a block, and what is resident beside them "
        "for more than a few seconds.",
        [this] { return static_cast<double>(memory_.used()); });
    add("skein_memory_unaccounted_bytes",
        "Bytes that are resident for more than a few seconds and belong to none of them.",
        [this] { return static_cast<double>(governor_.unaccounted()); });
    add("skein_scrape_memory_used_bytes", "Bytes of pages that are being scraped.", [this] {
        return static_cast<double>(network_memory_.used());
    });
    add("skein_query_memory_limit_bytes",
        "Bytes that queries may hold now: what the rest leaves, less a reserve for the head.",
        [this] { return static_cast<double>(query_memory_.limit()); });
    add("skein_query_memory_used_bytes", "Bytes that queries hold, as accounted.", [this] {
        return static_cast<double>(query_memory_.used());
    });
}

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
    register_notification_routes(
        router,
        {.clock = clock_, .readiness = readiness_, .reload = reload_, .started_ms = started_ms_});
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
         .pool = query_pool_.get(),
         .status_pool = page_pool_.get()});
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

ClusterNode::Parts Node::cluster_parts() {
    return {.flags = flags_,
            .clock = clock_,
            .random = random_,
            .registry = registry_,
            .log = log_.with("component", "cluster"),
            .store = state_->store(),
            .node_id = state_->node_id(),
            .member = state_->member(),
            .series_budget = own_series_budget(),
            .key = cluster_key_,
            .totals = [this] { return totals(); },
            .answer =
                [this](const shard::Question& question, base::Deadline deadline) {
                    return cluster_web_->answer(question, deadline);
                },
            .nodes_changed =
                [this](std::vector<std::string> addresses) {
                    steering_->post([this, addresses = std::move(addresses)] {
                        cluster_->nodes_changed(addresses);
                    });
                },
            .discovers_changed =
                [this](bool discovers) {
                    steering_->post([this, discovers] {
                        {
                            const base::MutexLock lock(discovering_);
                            discovers_ = discovers;
                        }
                        apply_discovery(*reload_.current());
                    });
                }};
}

void Node::update_cluster_metrics() {
    base::ignore(cluster_node_->with_member(
                     [this](shard::Member& member) { cluster_metrics_.update(member); }),
                 "it starts, or stops");
    if (const auto counters = cluster_node_->raft_counters()) {
        cluster_metrics_.update(*counters);
    }
}

uint64_t Node::own_series_budget() const {
    return series_budget(static_cast<uint64_t>(flags_.integer("cluster.series-budget")),
                         reload_.current()->cluster.series_budget,
                         limits_);
}

AloneFigures Node::alone_figures() const {
    return {.node_id = state_->node_id(),
            .address = store_api_ == nullptr ? std::string() : advertised_address(flags_),
            .active_series = db_->stats().series,
            .series_budget = own_series_budget(),
            .memory_bytes = static_cast<uint64_t>(memory_.used()),
            .memory_limit_bytes = static_cast<uint64_t>(memory_.limit())};
}

shard::Totals Node::totals() {
    shard::Totals totals{.memory_bytes = static_cast<uint64_t>(memory_.used()),
                         .memory_limit_bytes = static_cast<uint64_t>(memory_.limit())};
    if (!readiness_.ready()) {
        totals.flags |= shard::kNodeStarting;
        return totals;
    }
    totals.ghost_series = db_->stats().series;
    if (db_->disk().readonly()) {
        totals.flags |= shard::kNodeReadOnly;
    }
    if (static_cast<double>(memory_.used()) > kMemoryHigh * static_cast<double>(memory_.limit())) {
        totals.flags |= shard::kNodeMemoryHigh;
    }
    return totals;
}

// Before the log is replayed: the others know at once that this node is there and scrapes nothing
// yet, and it may vote.
base::Status Node::join_cluster() {
    if (cluster_node_ == nullptr) {
        return base::success();
    }
    {
        const base::MutexLock lock(discovering_);
        discovers_ = false;
    }
    discovery_->listen(&cluster_web_->discovered());
    return base::context(cluster_node_->start(*reload_.current()), "join the cluster");
}

void Node::apply_discovery(const config::Config& config) {
    const base::MutexLock lock(discovering_);
    discovery_->apply(discovers_ ? config.scrape : scrape::Options{});
}

base::Status Node::open_storage() {
    TRY(db_,
        base::context(
            tsdb::Db::open(
                storage_options(flags_, reload_.current()->storage),
                *files_,
                clock_,
                memory_,
                log_.with("component", "tsdb"),
                registry_,
                [this](const tsdb::ReplayProgress& progress) { replay_status_.set(progress); },
                metadata_.get()),
            "open the storage in",
            flags_.text("storage.tsdb.path")));
    replay_status_.finish(db_->replay_report());
    storage_.set(*db_, *db_);
    keep_active_queries(flags_, *files_, log_.with("component", "query"), *engine_);
    db_->start_upkeep();
    return base::success();
}

base::Status Node::begin_scraping() {
    TRY(reload_.apply({{"storage",
                        [this](const config::Config& config) -> base::Status {
                            db_->set_retention(storage_retention(flags_, config.storage));
                            db_->set_out_of_order_window(
                                milliseconds(config.storage.out_of_order_time_window));
                            db_->set_exemplars_max(storage_exemplars(flags_, config.storage));
                            return base::success();
                        }},
                       {"scrape",
                        [this](const config::Config& config) -> base::Status {
                            manager_->apply(config.scrape);
                            return base::success();
                        }},
                       {"query",
                        [this](const config::Config& config) -> base::Status {
                            engine_->set_default_subquery_step(config.evaluation_interval);
                            return open_query_log(config, *files_, *engine_);
                        }},
                       {"discovery",
                        [this](const config::Config& config) -> base::Status {
                            if (cluster_node_ != nullptr) {
                                TRY(cluster_node_->apply(config));
                            }
                            apply_discovery(config);
                            return base::success();
                        }},
                       {"store endpoints", [this](const config::Config& config) {
                            return cluster_->apply(config);
                        }}}));
    TRY(cluster_->start());
    if (cluster_node_ != nullptr) {
        cluster_node_->assigned().listen(manager_.get());
    } else {
        discovery_->listen(manager_.get());
    }
    std::vector<Maintenance::Chore> chores;
    chores.push_back({"memory", kMemoryLook, [this] {
                          db_->keep_cut_memory(limits_.cut_bytes);
                          governor_.adjust(resident_memory(), db_->upkeep_memory().ready());
                      }});
    chores.push_back(
        {"metadata", kMetadataFlush, [this] {
             if (const auto flushed = metadata_->flush(); flushed.has_error()) {
                 log_.warn("metadata not written, it is tried again", "error", flushed.error());
             }
         }});
    if (cluster_node_ != nullptr) {
        chores.push_back(
            {"cluster metrics", kClusterMetrics, [this] { update_cluster_metrics(); }});
    }
    if (flags_.boolean("config.auto-reload") || Features(flags_).has("auto-reload-config")) {
        chores.push_back({"auto-reload",
                          milliseconds(flags_.duration_ms("config.auto-reload-interval")),
                          [this] { reload_.reload_if_changed(); }});
    }
    maintenance_ = std::make_unique<Maintenance>(std::move(chores));
    return base::success();
}

void Node::request(bool stop) {
    const base::MutexLock lock(mutex_);
    (stop ? stop_asked_ : reload_asked_) = true;
    asked_.notify_all();
}

void Node::serve() {
    while (true) {
        bool reload = false;
        {
            const base::MutexLock lock(mutex_);
            while (!stop_asked_ && !reload_asked_) {
                asked_.wait(mutex_);
            }
            if (stop_asked_) {
                return;
            }
            reload = std::exchange(reload_asked_, false);
        }
        if (reload) {
            base::ignore(reload_.reload(), "the reload has logged it; the old configuration stays");
        }
    }
}

void Node::stop() {
    log_.info("stopping");
    if (cluster_node_ != nullptr) {
        cluster_node_->say_stopping();
    }
    readiness_.set(Readiness::State::kStopping);
    maintenance_.reset();
    if (discovery_ != nullptr) {
        discovery_->stop();
    }
    if (cluster_ != nullptr) {
        cluster_->stop();
    }
    if (manager_ != nullptr) {
        manager_->stop();
    }
    if (cluster_node_ != nullptr) {
        cluster_node_->stop();
        steering_->stop();
    }
    signals_.reset();
    if (db_ != nullptr) {
        db_->interrupt_upkeep();
    }
    if (store_api_ != nullptr) {
        store_api_->set_serving(false);
        store_api_->stop(kRequestGrace);
        store_api_.reset();
    }
    if (server_ != nullptr) {
        server_->stop(kRequestGrace);
        server_.reset();
    }
    if (db_ != nullptr) {
        if (const auto stopped = db_->stop(); stopped.has_error()) {
            log_.error("the write-ahead log was not closed cleanly", "error", stopped.error());
        }
    }
    if (metadata_ != nullptr) {
        base::ignore(metadata_->flush(), "metadata is learnt again from the targets");
    }
    cluster_.reset();
    discovery_.reset();
    manager_.reset();
    query_pool_.reset();
    read_pool_.reset();
    page_pool_.reset();
    if (cluster_web_ != nullptr) {
        cluster_web_->stop();
    }
    admin_pool_.reset();
    log_.info("see you next time");
}

}  // namespace

int run_server(const FlagValues& flags) {
    for (const auto& check : {base::parse_log_level(flags.text("log.level")).has_value(),
                              base::parse_log_format(flags.text("log.format")).has_value()}) {
        if (!check) {
            std::fprintf(stderr,
                         "skein: --log.level is debug, info, warn or error; --log.format is logfmt "
                         "or json\n");
            return 2;
        }
    }
    Node node(flags);
    const base::Status started = node.start();
    if (started.has_error()) {
        node.log().error("could not start", "error", started.error());
    } else {
        node.serve();
    }
    node.stop();
    return started.has_error() ? 1 : 0;
}

namespace {

// Has look() see a server on an empty configuration, in a temporary folder and on free ports.
void look_at_server(const std::function<void(Node&)>& look) {
    const std::filesystem::path folder =
        std::filesystem::temp_directory_path() / ("skein-self-" + std::to_string(getpid()));
    std::filesystem::create_directories(folder);
    std::fclose(std::fopen((folder / "empty.yml").c_str(), "w"));
    const CommandLine line("skein", "", server_flags());
    const auto parsed = line.parse({"--config.file=" + (folder / "empty.yml").string(),
                                    "--storage.tsdb.path=" + (folder / "data").string(),
                                    "--web.listen-address=127.0.0.1:0",
                                    "--grpc.listen-address=",
                                    "--log.level=error"});
    {
        Node node(parsed.value().values);
        if (node.start().has_value()) {
            look(node);
        }
        node.stop();
    }
    std::filesystem::remove_all(folder);
}

}  // namespace

std::vector<base::MetricDescription> server_metrics() {
    std::vector<base::MetricDescription> metrics;
    look_at_server([&](Node& node) { metrics = node.registry().describe(); });
    return metrics;
}

std::vector<std::string> server_operations() {
    constexpr base::http::Method kMethods[] = {base::http::Method::kGet,
                                               base::http::Method::kPost,
                                               base::http::Method::kPut,
                                               base::http::Method::kDelete};
    std::vector<std::string> operations;
    look_at_server([&](Node& node) {
        const base::http::Router router = node.routes();
        for (const auto& route : router.routes()) {
            for (const base::http::Method method : kMethods) {
                if (route->methods.has(method)) {
                    operations.push_back(std::string(base::http::method_name(method)) + " " +
                                         route->pattern);
                }
            }
        }
    });
    std::ranges::sort(operations);
    return operations;
}

}  // namespace engine

#include "engine/node.h"

#include <algorithm>
#include <cstdio>

#include "config/target_groups.h"
#include "engine/cluster_access.h"
#include "engine/cluster_admission.h"
#include "engine/features.h"
#include "engine/flag_options.h"
#include "engine/free_memory.h"
#include "engine/node_body.h"
#include "engine/query_records.h"
#include "engine/routes.h"
#include "engine/storage_options.h"
#include "engine/version.h"
#include "scrape/http_api.h"

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

}  // namespace

Node::Node(const FlagValues& flags)
    : flags_(flags),
      backend_(sink_, clock_, log_format(flags), log_level(flags)),
      log_(backend_),
      limits_(process_limits(flags)),
      files_(base::make_posix_files()),
      memory_("storage.memory-limit", limits_.memory_bytes),
      query_memory_(
          "query memory (what --storage.memory-limit leaves)", memory_, limits_.all_queries_bytes),
      network_memory_("scrape memory (a quarter of --storage.memory-limit)",
                      limits_.memory_bytes / 4),
      governor_(memory_,
                query_memory_,
                network_memory_,
                limits_.all_queries_bytes,
                allocator_free_memory()),
      process_metrics_(register_process_metrics(registry_, clock_)),
      notifications_(clock_,
                     registry_,
                     static_cast<size_t>(
                         std::max<int64_t>(0, flags.integer("web.max-notifications-subscribers")))),
      reload_(*files_,
              clock_,
              log_.with("component", "config"),
              registry_,
              notifications_,
              flags.text("config.file")) {}

base::Status Node::start() {
    started_ms_ = clock_.now_ms();
    notifications_.raise(Notice::kStarting);
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
    notifications_.clear(Notice::kStarting);
    if (cluster_node_ != nullptr) {
        cluster_node_->started();
    }
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
    notifications_.raise(Notice::kStopping);
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
    notifications_.end();
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

}  // namespace engine

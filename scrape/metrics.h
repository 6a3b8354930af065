// Scraping's own metrics, under Prometheus' names. docs/metrics.md
#pragma once

#include "base/metrics.h"

namespace scrape {

// One per process; borrowed by everything in this room. Label scrape_job: the job names of the
// configuration; interval: those of the targets; config: job names.
struct Metrics {
    explicit Metrics(base::Registry& registry);

    // Scrapes
    base::MetricFamily<base::Summary>& interval_length_seconds;  // interval
    base::Counter& exceeded_body_size_limit;
    base::Counter& exceeded_sample_limit;
    base::Counter& exceeded_label_limits;
    base::Counter& cache_flush_forced;
    base::Counter& sample_out_of_order;
    base::Counter& sample_duplicate_timestamp;
    base::Counter& sample_out_of_bounds;
    base::Counter& exemplar_out_of_order;
    base::Counter& series_refused;   // skein_scrape_series_refused_total
    base::Counter& missed_ticks;     // skein_scrape_missed_ticks_total
    base::Counter& commit_failures;  // skein_scrape_commit_failures_total

    // Pools
    base::Counter& pools;
    base::Counter& pools_failed;
    base::Counter& pool_reloads;
    base::Counter& pool_reloads_failed;
    base::Counter& exceeded_target_limit;
    base::MetricFamily<base::Gauge>& pool_targets;           // scrape_job
    base::MetricFamily<base::Gauge>& pool_target_limit;      // scrape_job
    base::MetricFamily<base::Counter>& pool_syncs;           // scrape_job
    base::MetricFamily<base::Summary>& sync_length_seconds;  // scrape_job
    base::MetricFamily<base::Counter>& sync_failed;          // scrape_job

    // Discovery
    base::MetricFamily<base::Gauge>& discovered_targets;        // name, config
    base::MetricFamily<base::Counter>& updates;                 // name
    base::MetricFamily<base::Counter>& received_updates;        // name
    base::MetricFamily<base::Gauge>& failed_configs;            // name
    base::MetricFamily<base::Counter>& refresh_failures;        // mechanism, config
    base::MetricFamily<base::Summary>& refresh_length_seconds;  // mechanism, config
    base::Counter& file_read_errors;
    base::Counter& file_watcher_errors;
    base::Summary& file_scan_seconds;
    base::Counter& http_failures;
    base::Counter& dns_lookups;  // names asked for
    base::Counter& dns_lookup_failures;
};

}  // namespace scrape

#include "scrape/metrics.h"

namespace scrape {

Metrics::Metrics(base::Registry& registry)
    : interval_length_seconds(registry.summaries("prometheus_target_interval_length_seconds",
                                                 "Actual intervals between scrapes.",
                                                 {"interval"})),
      exceeded_body_size_limit(
          registry.counter("prometheus_target_scrapes_exceeded_body_size_limit_total",
                           "Scrapes that hit the body size limit.")),
      exceeded_sample_limit(
          registry.counter("prometheus_target_scrapes_exceeded_sample_limit_total",
                           "Scrapes that hit the sample limit.")),
      exceeded_label_limits(
          registry.counter("prometheus_target_scrape_pool_exceeded_label_limits_total",
                           "Scrapes that hit one of the label limits.")),
      cache_flush_forced(
          registry.counter("prometheus_target_scrapes_cache_flush_forced_total",
                           "Times a scrape cache was flushed because it grew too much while "
                           "scrapes failed.")),
      sample_out_of_order(registry.counter("prometheus_target_scrapes_sample_out_of_order_total",
                                           "Samples rejected because they were out of order.")),
      sample_duplicate_timestamp(
          registry.counter("prometheus_target_scrapes_sample_duplicate_timestamp_total",
                           "Samples rejected because another value has their timestamp.")),
      sample_out_of_bounds(
          registry.counter("prometheus_target_scrapes_sample_out_of_bounds_total",
                           "Samples rejected because they were too old or in the future.")),
      exemplar_out_of_order(
          registry.counter("prometheus_target_scrapes_exemplar_out_of_order_total",
                           "Exemplars rejected because they were out of order.")),
      series_refused(registry.counter("skein_scrape_series_refused_total",
                                      "New series not stored for lack of memory budget.")),
      missed_ticks(registry.counter("skein_scrape_missed_ticks_total",
                                    "Scrapes left out because the one before had not ended.")),
      commit_failures(registry.counter("skein_scrape_commit_failures_total",
                                       "Scrapes whose samples the storage could not keep.")),
      pools(registry.counter("prometheus_target_scrape_pools_total", "Scrape pools created.")),
      pools_failed(registry.counter("prometheus_target_scrape_pools_failed_total",
                                    "Scrape pools that could not be created.")),
      pool_reloads(registry.counter("prometheus_target_scrape_pool_reloads_total",
                                    "Scrape pools reloaded.")),
      pool_reloads_failed(registry.counter("prometheus_target_scrape_pool_reloads_failed_total",
                                           "Scrape pools that could not be reloaded.")),
      exceeded_target_limit(
          registry.counter("prometheus_target_scrape_pool_exceeded_target_limit_total",
                           "Times a scrape pool had more targets than its limit.")),
      pool_targets(registry.gauges(
          "prometheus_target_scrape_pool_targets", "Targets of a scrape pool.", {"scrape_job"})),
      pool_target_limit(registry.gauges("prometheus_target_scrape_pool_target_limit",
                                        "Most targets a scrape pool may have; 0: no limit.",
                                        {"scrape_job"})),
      pool_syncs(registry.counters("prometheus_target_scrape_pool_sync_total",
                                   "Times the targets of a scrape pool were taken over.",
                                   {"scrape_job"})),
      sync_length_seconds(registry.summaries("prometheus_target_sync_length_seconds",
                                             "Time to take over the targets of a scrape pool.",
                                             {"scrape_job"})),
      sync_failed(registry.counters("prometheus_target_sync_failed_total",
                                    "Targets left out because their labels make no target.",
                                    {"scrape_job"})),
      discovered_targets(registry.gauges("prometheus_sd_discovered_targets",
                                         "Targets discovered, before relabelling.",
                                         {"name", "config"})),
      updates(registry.counters("prometheus_sd_updates_total",
                                "Updates handed to the consumers of service discovery.",
                                {"name"})),
      received_updates(registry.counters("prometheus_sd_received_updates_total",
                                         "Updates received from discovery mechanisms.",
                                         {"name"})),
      failed_configs(registry.gauges("prometheus_sd_failed_configs",
                                     "Discovery configurations that could not be started.",
                                     {"name"})),
      refresh_failures(registry.counters("prometheus_sd_refresh_failures_total",
                                         "Refreshes that failed.",
                                         {"mechanism", "config"})),
      refresh_length_seconds(registry.summaries("prometheus_sd_refresh_duration_seconds",
                                                "Time a refresh took.",
                                                {"mechanism", "config"})),
      file_read_errors(registry.counter("prometheus_sd_file_read_errors_total",
                                        "Discovery files that could not be read.")),
      file_watcher_errors(registry.counter("prometheus_sd_file_watcher_errors_total",
                                           "Times discovery files could not be watched.")),
      file_scan_seconds(registry.summary("prometheus_sd_file_scan_duration_seconds",
                                         "Time to read all files of a file discovery.")),
      http_failures(registry.counter("prometheus_sd_http_failures_total",
                                     "HTTP discovery refreshes that failed.")),
      dns_lookups(registry.counter("prometheus_sd_dns_lookups_total",
                                   "Names that DNS discovery looked up.")),
      dns_lookup_failures(registry.counter("prometheus_sd_dns_lookup_failures_total",
                                           "Names that DNS discovery could not look up.")) {}

}  // namespace scrape

#include "query/metrics.h"

namespace query {

Metrics::Metrics(base::Registry& registry)
    : duration_seconds(registry.summaries("prometheus_engine_query_duration_seconds",
                                          "How long queries took, by what they did.",
                                          {"slice"})),
      samples(registry.counter("prometheus_engine_query_samples_total",
                               "Samples that queries looked at, over all steps.")),
      log_enabled(registry.gauge("prometheus_engine_query_log_enabled",
                                 "Whether queries are written to a query log.")),
      log_failures(registry.counter("prometheus_engine_query_log_failures_total",
                                    "Queries that could not be written to the query log.")),
      cancelled(registry.counter("skein_query_cancelled_total",
                                 "Queries that were cancelled by their id.")),
      federation_errors(registry.counter("prometheus_web_federation_errors_total",
                                         "Errors while federation pages were put together.")),
      federation_warnings(registry.counter("prometheus_web_federation_warnings_total",
                                           "Warnings while federation pages were put together.")) {}

}  // namespace query

// The query engine's own metrics, under Prometheus' names. docs/metrics.md
#pragma once

#include "base/metrics.h"

namespace query {

// One per process; borrowed by the engine. Label slice: queue_time, prepare_time, inner_eval,
// result_sort.
struct Metrics {
    explicit Metrics(base::Registry& registry);

    base::MetricFamily<base::Summary>& duration_seconds;  // slice
    base::Counter& samples;
    base::Gauge& log_enabled;
    base::Counter& log_failures;
    base::Counter& cancelled;  // skein_query_cancelled_total
    base::Counter& federation_errors;
    base::Counter& federation_warnings;
};

}  // namespace query

// What asking others counts.
#pragma once

#include <string_view>

#include "base/metrics.h"

namespace storeapi {

// `address` as configured, `kind` is node or store: there are no more of them than endpoints.
struct PeerMetrics {
    explicit PeerMetrics(base::Registry& registry);

    base::MetricFamily<base::Gauge>& up;               // by address, kind
    base::MetricFamily<base::Counter>& calls;          // by address, kind
    base::MetricFamily<base::Counter>& call_failures;  // by address, kind
    base::Gauge& running;
    base::Counter& refused;
};

// What one endpoint counts, looked up once.
struct EndpointMetrics {
    EndpointMetrics(PeerMetrics& all, std::string_view address, std::string_view kind);

    base::Gauge& up;
    base::Counter& calls;
    base::Counter& call_failures;
};

}  // namespace storeapi

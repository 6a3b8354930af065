#include "storeapi/peers/metrics.h"

namespace storeapi {

PeerMetrics::PeerMetrics(base::Registry& registry)
    : up(registry.gauges(
          "skein_peer_up", "1 while the endpoint answers what it holds.", {"address", "kind"})),
      calls(registry.counters(
          "skein_peer_calls_total", "Calls of queries to the endpoint.", {"address", "kind"})),
      call_failures(registry.counters("skein_peer_call_failures_total",
                                      "Calls of queries to the endpoint that failed.",
                                      {"address", "kind"})),
      running(registry.gauge("skein_peer_calls", "Calls of queries to endpoints that run.")),
      refused(registry.counter("skein_peer_calls_refused_total",
                               "Calls of queries that were not made because too many ran.")) {}

EndpointMetrics::EndpointMetrics(PeerMetrics& all, std::string_view address, std::string_view kind)
    : up(all.up.with({address, kind})),
      calls(all.calls.with({address, kind})),
      call_failures(all.call_failures.with({address, kind})) {}

}  // namespace storeapi

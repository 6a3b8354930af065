#include "engine/http_metrics.h"

namespace engine {
namespace {

constexpr size_t kHandlersMax = 100;  // routes are few; the limit keeps a mistake small
constexpr size_t kRequestSeriesMax = 1000;

}  // namespace

HttpMetrics::HttpMetrics(base::Registry& registry, base::Logger log, const base::Clock& /*clock*/)
    : log_(std::move(log)),
      requests_(registry.counters("prometheus_http_requests_total",
                                  "Counter of HTTP requests.",
                                  {"handler", "code"},
                                  kRequestSeriesMax)),
      durations_(registry.histograms("prometheus_http_request_duration_seconds",
                                     "Histogram of latencies for HTTP requests.",
                                     {"handler"},
                                     {0.1, 0.2, 0.4, 1, 3, 8, 20, 60, 120},
                                     kHandlersMax)),
      sizes_(registry.histograms("prometheus_http_response_size_bytes",
                                 "Histogram of response size for HTTP requests.",
                                 {"handler"},
                                 base::exponential_bounds(100, 10, 8),
                                 kHandlersMax)),
      connection_errors_(registry.counter("skein_http_connection_errors_total",
                                          "Connections that were refused or broke.")) {}

void HttpMetrics::on_request(std::string_view handler,
                             base::http::Method /*method*/,
                             int status,
                             base::Duration took,
                             uint64_t response_bytes) {
    const std::string code = std::to_string(status);
    requests_.with({handler, code}).add();
    durations_.with({handler}).observe(std::chrono::duration<double>(took).count());
    sizes_.with({handler}).observe(static_cast<double>(response_bytes));
}

void HttpMetrics::on_connection_error(std::string_view peer, const base::Error& error) {
    connection_errors_.add();
    log_.debug("connection error", "peer", peer, "error", error);
}

}  // namespace engine

// Counts and times what the HTTP server answers, under Prometheus' names.
#pragma once

#include "base/http/server.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/rate_limit.h"

namespace engine {

class HttpMetrics final : public base::http::ServerObserver {
  public:
    HttpMetrics(base::Registry& registry, base::Logger log, const base::Clock& clock);

    void on_request(std::string_view handler,
                    base::http::Method method,
                    int status,
                    base::Duration took,
                    uint64_t response_bytes) override;
    void on_connection_error(std::string_view peer, const base::Error& error) override;

  private:
    base::Logger log_;
    base::MetricFamily<base::Counter>& requests_;
    base::MetricFamily<base::Histogram>& durations_;
    base::MetricFamily<base::Histogram>& sizes_;
    base::Counter& connection_errors_;
};

}  // namespace engine

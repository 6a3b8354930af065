// What the gRPC server counts.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/metrics.h"

namespace base::rpc {

// Names and labels are those that dashboards of Go's gRPC servers know. Threads: any.
struct ServerMetrics {
    explicit ServerMetrics(Registry& registry);

    MetricFamily<Counter>& started;
    MetricFamily<Counter>& handled;
    MetricFamily<Histogram>& seconds;
    Gauge& running;
    Counter& refused;
    Counter& received_bytes;
    Counter& sent_bytes;
};

enum class MethodKind : uint8_t { kUnary, kServerStream, kDuplex };

// What one method counts, looked up once.
class MethodMetrics {
  public:
    // path  "/package.Service/Method", kept by the caller
    MethodMetrics(ServerMetrics& all, std::string_view path, MethodKind kind);

    void started();
    void handled(int status_number, double seconds);

    [[nodiscard]] ServerMetrics& all() { return all_; }

  private:
    ServerMetrics& all_;
    std::string_view type_;
    std::string_view service_;
    std::string_view method_;
    Counter& started_;
    Histogram& seconds_;
};

}  // namespace base::rpc

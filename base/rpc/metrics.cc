#include "base/rpc/metrics.h"

#include "base/rpc/codes.h"

namespace base::rpc {
namespace {

std::string_view service_of(std::string_view path) {
    return path.substr(1, path.rfind('/') - 1);
}

std::string_view method_of(std::string_view path) {
    return path.substr(path.rfind('/') + 1);
}

std::string_view name_of(MethodKind kind) {
    switch (kind) {
        case MethodKind::kUnary:
            return "unary";
        case MethodKind::kServerStream:
            return "server_stream";
        case MethodKind::kDuplex:
            return "bidi_stream";
    }
    return {};
}

}  // namespace

ServerMetrics::ServerMetrics(Registry& registry)
    : started(registry.counters("grpc_server_started_total",
                                "gRPC calls begun.",
                                {"grpc_type", "grpc_service", "grpc_method"})),
      handled(registry.counters("grpc_server_handled_total",
                                "gRPC calls ended, by the code they ended with.",
                                {"grpc_type", "grpc_service", "grpc_method", "grpc_code"})),
      seconds(registry.histograms("grpc_server_handling_seconds",
                                  "How long gRPC calls took, in seconds.",
                                  {"grpc_type", "grpc_service", "grpc_method"},
                                  {0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 30, 120})),
      running(registry.gauge("skein_grpc_server_calls", "gRPC calls that run or wait.")),
      refused(registry.counter("skein_grpc_server_calls_refused_total",
                               "gRPC calls refused because too many ran.")),
      received_bytes(registry.counter("skein_grpc_server_received_bytes_total",
                                      "Bytes of gRPC requests, as messages.")),
      sent_bytes(registry.counter("skein_grpc_server_sent_bytes_total",
                                  "Bytes of gRPC answers, as messages.")) {}

MethodMetrics::MethodMetrics(ServerMetrics& all, std::string_view path, MethodKind kind)
    : all_(all),
      type_(name_of(kind)),
      service_(service_of(path)),
      method_(method_of(path)),
      started_(all.started.with({type_, service_, method_})),
      seconds_(all.seconds.with({type_, service_, method_})) {
    all.handled.with({type_, service_, method_, status_name(0)});
}

void MethodMetrics::started() {
    started_.add();
    all_.running.add(1);
}

void MethodMetrics::handled(int status_number, double seconds) {
    all_.handled.with({type_, service_, method_, status_name(status_number)}).add();
    seconds_.observe(seconds);
    all_.running.subtract(1);
}

}  // namespace base::rpc

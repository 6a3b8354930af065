// How the gRPC server listens, and what it lets through.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace base::rpc {

// Files in PEM, read again within seconds when they change.
struct ServerTls {
    std::string cert_file;
    std::string key_file;
    std::string client_ca_file;  // set: every client must show a certificate that it signed

    [[nodiscard]] bool enabled() const {
        return !cert_file.empty() || !key_file.empty() || !client_ca_file.empty();
    }
};

struct ServerOptions {
    std::string listen_address = "0.0.0.0:10901";  // host:port, or :port; port 0: any free one
    ServerTls tls;
    size_t max_concurrent_streams = 250;  // --grpc.max-concurrent-streams, of one connection
    size_t calls_max = 1000;              // over all connections; more are refused
    size_t duplex_calls_max = 5000;       // beside those: sessions, which last
    size_t request_bytes_max = size_t{16} << 20;
    // --grpc.max-call-duration: a call that takes longer, because its reader is slow, say, ends.
    std::chrono::milliseconds call_max{std::chrono::minutes(5)};
};

}  // namespace base::rpc

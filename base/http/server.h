// The HTTP/1.1 server: connections on lanes, handlers on lanes or worker pools.
// source: behaviour of the Prometheus web server and of its web configuration file
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/async/runtime.h"
#include "base/async/worker_pool.h"
#include "base/http/options.h"
#include "base/http/router.h"

namespace base::http {

enum class ClientAuth : uint8_t {
    kNone,              // NoClientCert
    kRequest,           // RequestClientCert
    kRequireAny,        // RequireAnyClientCert
    kVerifyIfGiven,     // VerifyClientCertIfGiven
    kRequireAndVerify,  // RequireAndVerifyClientCert
};

// Inline text and file exclude each other. Files are read again when they change.
struct TlsServerOptions {
    std::string cert, cert_file;
    Secret key;
    std::string key_file;
    std::string client_ca, client_ca_file;
    ClientAuth client_auth = ClientAuth::kNone;
    std::vector<std::string> client_allowed_sans;
    TlsVersion min_version = TlsVersion::kTls12;
    TlsVersion max_version = TlsVersion::kTls13;
    std::vector<std::string> cipher_suites;      // IANA names; TLS 1.2 and below only
    std::vector<std::string> curve_preferences;  // Go's names: CurveP256, X25519, …

    bool operator==(const TlsServerOptions&) const = default;
};

// What the web configuration file says. config/ fills it.
struct WebOptions {
    std::optional<TlsServerOptions> tls;
    std::map<std::string, Secret> basic_auth_users;  // name → bcrypt hash
    std::map<std::string, std::string> headers;      // added to every response

    bool operator==(const WebOptions&) const = default;
};

// Asked at each new connection and each request; must be quick and callable from any lane. An error
// refuses the connection or answers 500, so that a broken file never opens the door.
using WebOptionsSource = std::function<Result<std::shared_ptr<const WebOptions>>()>;

struct ServerOptions {
    std::vector<std::string> listen_addresses{"0.0.0.0:9090"};
    size_t max_connections = 512;             // --web.max-connections; more wait in the backlog
    Duration read_timeout{300'000'000'000};   // --web.read-timeout: whole request, 5 min
    Duration header_timeout{10'000'000'000};  // from the first byte to the end of the header
    Duration idle_timeout{300'000'000'000};   // between requests of a connection
    Duration write_timeout{300'000'000'000};  // without a byte of progress
    Duration stream_wait{100'000'000};        // until a body whose source left a frame empty,
                                              // because there is nothing yet, is asked again
    size_t header_limit = 64 * 1024;          // bytes; more: 431
    size_t compress_min = 1024;               // smaller bodies go out as they are
    size_t compress_inline_max = 32 * 1024;   // larger bodies are compressed on the pool
    std::string route_prefix;                 // "" or "/…" without a slash at the end
    std::string cors_origin = ".*";           // --web.cors.origin, a whole-match RE2 expression
    std::string server_name;                  // Server header; empty: none
};

// Told about every answered request. Called on lanes: quick, thread-safe.
class ServerObserver {
  public:
    virtual ~ServerObserver() = default;
    virtual void on_request(std::string_view handler,
                            Method method,
                            int status,
                            Duration took,
                            uint64_t response_bytes) = 0;
    // A connection that was refused or broken, with the reason: for the log, rate-limited there.
    virtual void on_connection_error(std::string_view peer, const Error& error) = 0;
};

//   threads   any
//   lifetime  runtime, pools and observer are borrowed and outlive the server
class Server {
  public:
    // Binds every address and starts to accept. A port 0 is chosen by the system.
    //   compress_pool  compresses large bodies; null: on the lane
    //   errors  kInvalid: an address or the origin expression; kIo: the address cannot be bound
    [[nodiscard]] static Result<std::unique_ptr<Server>> start(Runtime& runtime,
                                                               Router router,
                                                               ServerOptions options,
                                                               WebOptionsSource web = nullptr,
                                                               WorkerPool* compress_pool = nullptr,
                                                               ServerObserver* observer = nullptr);
    ~Server();  // stop(0)
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    // Stops accepting, closes idle connections, lets running requests finish for `grace`, then
    // raises their stop tokens and waits for them. Blocks; not on a lane.
    void stop(Duration grace);

    // The bound addresses, "ip:port", in the order of listen_addresses.
    [[nodiscard]] const std::vector<std::string>& addresses() const;
    // Port of the first address.
    [[nodiscard]] uint16_t port() const;
    [[nodiscard]] size_t connections() const;

  private:
    struct State;
    explicit Server(std::shared_ptr<State> state);
    std::shared_ptr<State> state_;
};

}  // namespace base::http

// The HTTP/1.1 client: a connection made for scraping, a small pool for everything else, and a
// blocking call for commands.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/async/lane.h"
#include "base/async/worker_pool.h"
#include "base/budget.h"
#include "base/http/message.h"
#include "base/http/options.h"
#include "base/http/url.h"

namespace base::http {

inline constexpr size_t kNoBodyLimit = SIZE_MAX;
inline constexpr int kRedirectsMax = 10;
inline constexpr size_t kResponseHeaderMax = 64 * 1024;

// What many connections share: resolved names (kept a few seconds), TLS contexts by options,
// credential files. One per process is enough.
//   threads   any
//   lifetime  destroyed before the lanes that use it
class ClientShared {
  public:
    struct Options {
        Duration resolve_ttl{5'000'000'000};
        size_t resolve_entries_max = 4096;
        std::string user_agent = "Prometheus/3.14.0";
    };

    ClientShared();
    explicit ClientShared(Options options);
    ~ClientShared();
    ClientShared(const ClientShared&) = delete;
    ClientShared& operator=(const ClientShared&) = delete;

  private:
    friend class Client;
    friend class ClientConnection;
    struct State;
    std::shared_ptr<State> state_;
};

// Status line and header of a response. Reused from request to request: its strings keep their
// capacity.
struct ResponseHead {
    int status = 0;
    std::string reason;
    std::string content_type;
    std::string content_encoding;
    Headers headers;  // all of them, only when asked for (SendOptions::keep_headers)
};

struct SendOptions {
    Deadline deadline;                 // dial, TLS, headers and body together
    size_t body_limit = kNoBodyLimit;  // bytes on the wire; kLimit as soon as n >= body_limit
    bool keep_headers = false;
    // Charged while the body grows beyond the capacity it came with; null: not accounted.
    //   errors  kLimit as soon as its budget is full; the request has failed then
    Reservation* memory = nullptr;
};

// One keep-alive connection to one URL, with everything that does not change prepared: the request
// text, credentials, TLS. One request at a time (CHECKed).
//   threads   its lane; create() anywhere
//   cost      a steady request is one send and, when the body fits the socket buffer, one receive;
//             no allocation and no timer system call. On a ticked lane the answer is read at the
//             next tick.
//   errors    of every request: kTimeout "Get \"URL\": context deadline exceeded", kCanceled,
//             kLimit (body), kPermission (a certificate was refused), kIo (dial, reset, malformed
//             answer; "Get \"URL\": dial tcp 127.0.0.1:1: connect: connection refused"); a status
//             other than 2xx is not an error. After an error the next request dials again.
class ClientConnection {
  public:
    // Dials nothing yet. `headers` go out with every request besides Host, User-Agent, credentials
    // and ClientOptions::headers.
    //   errors  kInvalid: the URL's scheme, a proxy URL, an unreadable inline certificate;
    //           kUnsupported: an option this build does not carry out, by name
    [[nodiscard]] static Result<std::unique_ptr<ClientConnection>> create(
        ClientShared& shared,
        Lane& lane,
        Url url,
        const ClientOptions& options,
        Headers headers = {});
    ~ClientConnection();  // closes the socket; no request may be running
    ClientConnection(const ClientConnection&) = delete;
    ClientConnection& operator=(const ClientConnection&) = delete;

    // The prepared GET. `body` is overwritten with the body as it came (content_encoding says how);
    // its capacity is reused. `head` and `body` must live until the task ends.
    [[nodiscard]] Task<void> get(SendOptions options, ResponseHead& head, std::string& body);

    // Any other request to the same origin. `target` is path and query, empty: the URL's. The body
    // is sent with Content-Length; a request with a body is not repeated when a kept-alive
    // connection turns out closed after bytes of it were answered.
    [[nodiscard]] Task<void> send(Method method,
                                  std::string target,
                                  Headers headers,
                                  std::string request_body,
                                  SendOptions options,
                                  ResponseHead& head,
                                  std::string& body);

    // Closes the connection when it is idle; the next request dials.
    void close();
    // The request that runs ends as if its deadline had come; nothing happens while none does.
    void expire();

    [[nodiscard]] bool connected() const;
    [[nodiscard]] const Url& url() const;
    // Connections dialled so far; 1 after a thousand keep-alive requests.
    [[nodiscard]] uint64_t dials() const;

  private:
    struct State;
    [[nodiscard]] static Result<std::unique_ptr<ClientConnection>> create_on(
        std::shared_ptr<ClientShared::State> shared,
        Lane& lane,
        Url url,
        const ClientOptions& options,
        Headers headers);
    explicit ClientConnection(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

struct ClientRequest {
    Method method = Method::kGet;
    std::string url;
    Headers headers;
    std::string body;
    SendOptions options;
    bool accept_gzip = true;  // asks for gzip and hands back the decoded body
};

struct ClientResponse {
    int status = 0;
    Headers headers;
    std::string body;  // decoded; body_limit holds for the decoded bytes too
};

// Keep-alive connections by origin, for discovery, notifications, remote write and object stores.
//   threads   its lane; several requests may run at once
class Client {
  public:
    static constexpr size_t kIdlePerHostMax = 8;
    static constexpr size_t kIdleMax = 64;

    Client(ClientShared& shared, Lane& lane, ClientOptions options);
    ~Client();  // no request may be running
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    [[nodiscard]] Task<ClientResponse> send(ClientRequest request);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

// One request, blocking, on an event loop of its own. For commands and worker threads, never on a
// lane.
[[nodiscard]] Result<ClientResponse> fetch(const ClientRequest& request,
                                           const ClientOptions& options = {});

}  // namespace base::http

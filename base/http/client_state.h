// What stands behind a ClientConnection.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/async/deadline.h"
#include "base/http/client.h"
#include "base/http/client_shared.h"
#include "base/http/request_text.h"
#include "base/http/response_reader.h"
#include "base/http/stream.h"

namespace base::http {

// True for an answer that points elsewhere.
[[nodiscard]] bool is_redirect(int status);

// Dialling (client_dial.cc), requests with their answers (client_exchange.cc).
//   threads   the lane
struct ClientConnection::State {
    State(std::shared_ptr<ClientShared::State> with,
          Lane& on,
          Url to,
          const ClientOptions& chosen,
          Headers always,
          std::optional<Url> through,
          RequestText prepared)
        : shared(std::move(with)),
          lane(on),
          url(std::move(to)),
          options(chosen),
          headers(std::move(always)),
          proxy(std::move(through)),
          text(std::move(prepared)),
          stream(on),
          reader(on, stream),
          timer(on, [this] { on_deadline(); }) {}

    // One request with its answer, redirects not followed.
    [[nodiscard]] Task<void> exchange(Method method,
                                      const std::string& request,
                                      const std::string& request_body,
                                      const SendOptions& send,
                                      ResponseHead& to_head,
                                      std::string& to_body);
    // Goes where the answer points, up to kRedirectsMax times.
    [[nodiscard]] Task<void> follow(SendOptions send,
                                    Method method,
                                    ResponseHead& to_head,
                                    std::string& to_body);

    // Connects, through the proxy if there is one, with TLS if the URL says so.
    [[nodiscard]] Task<void> dial(Deadline deadline);
    [[nodiscard]] Task<void> write(std::string_view first, std::string_view second);

    void expire() {
        if (timer.armed()) {
            on_deadline();
        }
        if (elsewhere != nullptr) {
            elsewhere->expire();
        }
    }

    void drop() {
        connected = false;
        stream.close();
        reader.forget();
    }

    const std::shared_ptr<ClientShared::State> shared;
    Lane& lane;
    const Url url;
    const ClientOptions options;
    const Headers headers;
    const std::optional<Url> proxy;
    RequestText text;
    Stream stream;
    ResponseReader reader;
    std::unique_ptr<ClientConnection> elsewhere;  // where a redirect led
    bool connected = false;
    bool busy = false;
    bool timed_out = false;
    bool has_head = false;  // of the answer being read
    uint64_t dials = 0;
    Timer timer;  // last: its callback uses the stream

  private:
    [[nodiscard]] Task<void> attempt(const std::string& request,
                                     const std::string& request_body,
                                     bool no_body,
                                     size_t body_limit,
                                     ResponseHead& to_head,
                                     std::string& to_body);
    [[nodiscard]] Task<void> connect(Deadline deadline);
    [[nodiscard]] Task<void> open_tunnel();

    void on_deadline() {
        timed_out = true;
        stream.close();
    }
};

}  // namespace base::http

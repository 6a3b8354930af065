// One client's connection of the server: read a request, let its handler answer, send, again.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/http/server_channel.h"
#include "base/http/server_core.h"
#include "base/http/wire.h"

namespace base::http {

class BodyEncoder;
enum class ContentCoding : uint8_t;

// Requests are read in server_connection.cc, answered in server_answer.cc, answers sent in
// server_send.cc.
//   threads  the lane
class ServerConnection final : HeadSink {
  public:
    ServerConnection(std::shared_ptr<ServerCore> core,
                     ServerLane& lane,
                     std::unique_ptr<Stream> stream)
        : core_(std::move(core)),
          lane_(lane),
          channel_(lane, std::move(stream), [this] { stop_.request_stop(); }),
          parser_(MessageKind::kRequest, core_->options.header_limit),
          handler_timer_(lane.lane, [this] { stop_.request_stop(); }) {
        lane_.connections.insert(this);
    }

    ~ServerConnection() override { lane_.connections.erase(this); }

    ServerConnection(const ServerConnection&) = delete;
    ServerConnection& operator=(const ServerConnection&) = delete;

    // From the handshake to the end.
    [[nodiscard]] Task<void> run();

    void close_if_idle() {
        if (idle_) {
            channel_.stream().close();
        }
    }

    void raise_stop() { stop_.request_stop(); }

  private:
    void on_request(std::string_view method, std::string_view target) override;
    void on_field(std::string_view name, std::string_view value) override;

    [[nodiscard]] Task<void> handshake();
    [[nodiscard]] Task<bool> one_request();
    [[nodiscard]] Task<bool> read_head();
    [[nodiscard]] Status take_target();
    [[nodiscard]] Task<void> read_body(size_t limit);
    [[nodiscard]] Task<void> finish();

    [[nodiscard]] Task<Response> answer();
    [[nodiscard]] Task<std::optional<Response>> refuse();
    [[nodiscard]] Task<Response> route();
    [[nodiscard]] Task<Response> handle(const Route& route);

    [[nodiscard]] Task<bool> send(Response response, bool keep_alive);
    [[nodiscard]] Task<void> send_failure(const Error& error);
    [[nodiscard]] Task<void> compress(Response& response);
    [[nodiscard]] Task<void> write(std::string_view first, std::string_view second);
    [[nodiscard]] Task<void> send_stream(Response& response, ContentCoding coding, bool chunked);
    [[nodiscard]] Task<bool> next_frame(const BodySource& source,
                                        BodyEncoder* encoder,
                                        std::string& frame);
    [[nodiscard]] Task<void> wait_for_frame();
    void report(int status);

    const std::shared_ptr<ServerCore> core_;
    ServerLane& lane_;
    std::stop_source stop_;  // of the request that runs
    ServerChannel channel_;
    MessageParser parser_;
    Request request_;
    std::shared_ptr<const WebOptions> web_;
    Headers extra_;  // of every response: web configuration, Server
    const Route* route_ = nullptr;
    SteadyTime began_{};        // of the request
    uint64_t sent_before_ = 0;  // bytes, when the request began
    bool idle_ = false;
    bool body_unread_ = false;
    Timer handler_timer_;
};

}  // namespace base::http

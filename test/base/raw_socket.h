// Plain blocking sockets for tests: a client that sends any bytes, a server that answers any bytes.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace test {

class RawSocket {
  public:
    explicit RawSocket(int descriptor) : descriptor_(descriptor) {}

    ~RawSocket() { close(); }

    RawSocket(RawSocket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

    RawSocket(const RawSocket&) = delete;
    RawSocket& operator=(const RawSocket&) = delete;

    static RawSocket connect(uint16_t port);

    void send(std::string_view bytes) const;

    // Each reads until it has what it wants, the peer closes, or five seconds of silence.
    std::string read_until(std::string_view until);
    std::string read_exactly(size_t n);
    std::string read_all();
    // One response with a Content-Length: head and body.
    std::pair<std::string, std::string> read_response();

    void close();

    [[nodiscard]] bool ok() const { return descriptor_ >= 0; }

  private:
    bool fill();

    int descriptor_;
    std::string seen_;
};

// Accepts one connection after another and hands each to a script on a thread of its own.
class RawServer {
  public:
    using Script = std::function<void(RawSocket&, int number)>;

    explicit RawServer(Script script);
    ~RawServer();
    RawServer(const RawServer&) = delete;
    RawServer& operator=(const RawServer&) = delete;

    [[nodiscard]] uint16_t port() const { return port_; }

    [[nodiscard]] std::string url(const std::string& path = "/metrics") const {
        return "http://127.0.0.1:" + std::to_string(port_) + path;
    }

    [[nodiscard]] int connections() const { return count_; }

    // Connections whose script has ended.
    [[nodiscard]] int closed() const { return closed_; }

  private:
    void accept_all();

    Script script_;
    int listener_ = -1;
    uint16_t port_ = 0;
    std::atomic<int> count_{0};
    std::atomic<int> closed_{0};
    std::thread thread_;
};

}  // namespace test

// Plain blocking sockets for tests: a client that sends any bytes, a server that answers any bytes.
#pragma once

#include <atomic>
#include <cstring>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace test {

class RawSocket {
  public:
    explicit RawSocket(int descriptor) : descriptor_(descriptor) {}

    ~RawSocket() { close(); }

    RawSocket(RawSocket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

    RawSocket(const RawSocket&) = delete;
    RawSocket& operator=(const RawSocket&) = delete;

    static RawSocket connect(uint16_t port) {
        const int s = ::socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(port);
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::connect(s, reinterpret_cast<sockaddr*>(&to), sizeof(to)) != 0) {
            ::close(s);
            return RawSocket(-1);
        }
        return RawSocket(s);
    }

    void send(std::string_view bytes) const {
        while (!bytes.empty()) {
            const ssize_t n = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (n <= 0) {
                return;
            }
            bytes.remove_prefix(static_cast<size_t>(n));
        }
    }

    // Reads until `text` holds `until`, the peer closes or five seconds of silence.
    std::string read_until(std::string_view until) {
        while (seen_.find(until) == std::string::npos && fill()) {
        }
        const size_t at = seen_.find(until);
        const size_t end = at == std::string::npos ? seen_.size() : at + until.size();
        std::string out = seen_.substr(0, end);
        seen_.erase(0, end);
        return out;
    }

    std::string read_exactly(size_t n) {
        while (seen_.size() < n && fill()) {
        }
        std::string out = seen_.substr(0, n);
        seen_.erase(0, out.size());
        return out;
    }

    std::string read_all() {
        while (fill()) {
        }
        return std::exchange(seen_, "");
    }

    // One response with a Content-Length: head and body.
    std::pair<std::string, std::string> read_response() {
        std::string head = read_until("\r\n\r\n");
        const size_t at = head.find("Content-Length: ");
        const size_t n = at == std::string::npos ? 0 : std::stoul(head.substr(at + 16));
        return {std::move(head), read_exactly(n)};
    }

    void close() {
        if (descriptor_ >= 0) {
            ::close(std::exchange(descriptor_, -1));
        }
    }

    [[nodiscard]] bool ok() const { return descriptor_ >= 0; }

  private:
    bool fill() {
        pollfd wait{descriptor_, POLLIN, 0};
        if (::poll(&wait, 1, 5000) <= 0) {
            return false;
        }
        char buffer[65536];
        const ssize_t n = ::recv(descriptor_, buffer, sizeof(buffer), 0);
        if (n <= 0) {
            return false;
        }
        seen_.append(buffer, static_cast<size_t>(n));
        return true;
    }

    int descriptor_;
    std::string seen_;
};

// Accepts one connection after another and hands each to a script on a thread of its own.
class RawServer {
  public:
    using Script = std::function<void(RawSocket&, int number)>;

    explicit RawServer(Script script) : script_(std::move(script)) {
        listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t length = sizeof(at);
        ::bind(listener_, reinterpret_cast<sockaddr*>(&at), length);
        ::listen(listener_, 64);
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &length);
        port_ = ntohs(at.sin_port);
        thread_ = std::thread([this] { accept_all(); });
    }

    ~RawServer() {
        ::shutdown(listener_, SHUT_RDWR);
        thread_.join();
        ::close(listener_);
    }

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
    void accept_all() {
        std::vector<std::thread> threads;
        while (true) {
            const int s = ::accept(listener_, nullptr, nullptr);
            if (s < 0) {
                break;
            }
            const int number = count_++;
            threads.emplace_back([this, s, number] {
                {
                    RawSocket socket(s);
                    script_(socket, number);
                }
                ++closed_;
            });
        }
        for (std::thread& thread : threads) {
            thread.join();
        }
    }

    Script script_;
    int listener_ = -1;
    uint16_t port_ = 0;
    std::atomic<int> count_{0};
    std::atomic<int> closed_{0};
    std::thread thread_;
};

}  // namespace test

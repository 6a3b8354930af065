#include "test/base/raw_socket.h"

#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace test {

namespace {

constexpr int kSilenceMs = 5000;

sockaddr_in loopback(uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

}  // namespace

RawSocket RawSocket::connect(uint16_t port) {
    const int descriptor = ::socket(AF_INET, SOCK_STREAM, 0);
    const sockaddr_in to = loopback(port);
    if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) != 0) {
        ::close(descriptor);
        return RawSocket(-1);
    }
    return RawSocket(descriptor);
}

void RawSocket::send(std::string_view bytes) const {
    while (!bytes.empty()) {
        const ssize_t n = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (n <= 0) {
            return;
        }
        bytes.remove_prefix(static_cast<size_t>(n));
    }
}

std::string RawSocket::read_until(std::string_view until) {
    while (seen_.find(until) == std::string::npos && fill()) {
    }
    const size_t at = seen_.find(until);
    const size_t end = at == std::string::npos ? seen_.size() : at + until.size();
    std::string out = seen_.substr(0, end);
    seen_.erase(0, end);
    return out;
}

std::string RawSocket::read_exactly(size_t n) {
    while (seen_.size() < n && fill()) {
    }
    std::string out = seen_.substr(0, n);
    seen_.erase(0, out.size());
    return out;
}

std::string RawSocket::read_all() {
    while (fill()) {
    }
    return std::exchange(seen_, "");
}

std::pair<std::string, std::string> RawSocket::read_response() {
    constexpr std::string_view kLength = "Content-Length: ";
    std::string head = read_until("\r\n\r\n");
    const size_t at = head.find(kLength);
    const size_t n = at == std::string::npos ? 0 : std::stoul(head.substr(at + kLength.size()));
    std::string body = read_exactly(n);
    return {std::move(head), std::move(body)};
}

void RawSocket::close() {
    if (descriptor_ >= 0) {
        ::close(std::exchange(descriptor_, -1));
    }
}

bool RawSocket::fill() {
    pollfd wait{descriptor_, POLLIN, 0};
    if (::poll(&wait, 1, kSilenceMs) <= 0) {
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

RawServer::RawServer(Script script) : script_(std::move(script)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in at = loopback(0);
    socklen_t length = sizeof(at);
    ::bind(listener_, reinterpret_cast<sockaddr*>(&at), length);
    ::listen(listener_, 64);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &length);
    port_ = ntohs(at.sin_port);
    thread_ = std::thread([this] { accept_all(); });
}

RawServer::~RawServer() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
}

void RawServer::accept_all() {
    std::vector<std::thread> threads;
    while (true) {
        const int descriptor = ::accept(listener_, nullptr, nullptr);
        if (descriptor < 0) {
            break;
        }
        const int number = count_++;
        threads.emplace_back([this, descriptor, number] {
            {
                RawSocket socket(descriptor);
                script_(socket, number);
            }
            ++closed_;
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
}

}  // namespace test

#include "test/support/dns_server.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"

namespace test_support {
namespace {

constexpr size_t kHeader = 12;
constexpr size_t kMessageMax = 65535;
constexpr int kPortAttempts = 50;  // the same number must be free for UDP and TCP

constexpr int kFormatError = 1;

std::string be16(size_t number) {
    return {static_cast<char>(number >> 8), static_cast<char>(number)};
}

size_t read_be16(std::string_view bytes, size_t at) {
    return static_cast<size_t>(static_cast<uint8_t>(bytes[at])) << 8 |
           static_cast<uint8_t>(bytes[at + 1]);
}

// Labels with their lengths, and the root.
std::string encode_name(std::string_view name) {
    std::string out;
    while (!name.empty()) {
        const size_t dot = std::min(name.find('.'), name.size());
        if (dot > 0) {
            out += static_cast<char>(dot);
            out += name.substr(0, dot);
        }
        name.remove_prefix(std::min(dot + 1, name.size()));
    }
    out += '\0';
    return out;
}

// The question's name with a last dot; `end` is where its type starts.
std::string decode_name(std::string_view query, size_t& end) {
    std::string name;
    size_t at = kHeader;
    while (at < query.size() && query[at] != 0) {
        const size_t length = static_cast<uint8_t>(query[at]);
        name += query.substr(at + 1, length);
        name += '.';
        at += 1 + length;
    }
    end = at + 1;
    return name;
}

std::string encode_record(const DnsServerRecord& record) {
    const std::string name("\xc0\x0c", 2);  // the question's
    const std::string internet_and_ttl("\0\1\0\0\0\0", 6);
    return name + be16(record.type) + internet_and_ttl + be16(record.data.size()) + record.data;
}

template <class Address>
std::string encode_address(int family, const std::string& text) {
    Address address{};
    SKEIN_CHECK(inet_pton(family, text.c_str(), &address) == 1, "not an address", text);
    return {reinterpret_cast<const char*>(&address), sizeof address};
}

sockaddr_in loopback(uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

bool bind_to(int socket, uint16_t port) {
    const sockaddr_in address = loopback(port);
    return bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

uint16_t port_of(int socket) {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
    return ntohs(address.sin_port);
}

}  // namespace

DnsServerRecord dns_a(const std::string& address) {
    return {1, encode_address<in_addr>(AF_INET, address)};
}

DnsServerRecord dns_aaaa(const std::string& address) {
    return {28, encode_address<in6_addr>(AF_INET6, address)};
}

DnsServerRecord dns_srv(std::string_view target, uint16_t port) {
    return {33, be16(10) + be16(5) + be16(port) + encode_name(target)};
}

DnsServerRecord dns_mx(std::string_view target) {
    return {15, be16(10) + encode_name(target)};
}

DnsServerRecord dns_ns(std::string_view target) {
    return {2, encode_name(target)};
}

DnsServerRecord dns_cname(std::string_view target) {
    return {5, encode_name(target)};
}

DnsServer::DnsServer() : stop_(eventfd(0, EFD_CLOEXEC)) {
    bool opened = false;
    for (int attempt = 0; attempt < kPortAttempts && !opened; ++attempt) {
        opened = open();
    }
    SKEIN_CHECK(opened && stop_ >= 0, "no port on loopback for a DNS server", errno);
    thread_ = std::thread([this] { run(); });
}

DnsServer::~DnsServer() {
    const uint64_t one = 1;
    const ssize_t written = write(stop_, &one, sizeof one);
    static_cast<void>(written);  // the counter is empty
    thread_.join();
    for (const Connection& connection : connections_) {
        close(connection.socket);
    }
    close(udp_);
    close(tcp_);
    close(stop_);
}

bool DnsServer::open() {
    tcp_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    udp_ = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (bind_to(tcp_, 0) && listen(tcp_, 16) == 0) {
        port_ = port_of(tcp_);
        if (bind_to(udp_, port_)) {
            return true;
        }
    }
    close(tcp_);
    close(udp_);
    return false;
}

void DnsServer::script(const std::string& name, DnsReply reply) {
    const base::MutexLock lock(mutex_);
    replies_[name] = std::move(reply);
}

size_t DnsServer::asked(const std::string& name) const {
    const base::MutexLock lock(mutex_);
    const auto found = asked_.find(name);
    return found == asked_.end() ? 0 : found->second;
}

size_t DnsServer::asked_over_tcp() const {
    const base::MutexLock lock(mutex_);
    return asked_over_tcp_;
}

void DnsServer::run() {
    while (true) {
        std::vector<pollfd> watched = {{stop_, POLLIN, 0}, {udp_, POLLIN, 0}, {tcp_, POLLIN, 0}};
        for (const Connection& connection : connections_) {
            watched.push_back({connection.socket, POLLIN, 0});
        }
        poll(watched.data(), watched.size(), -1);
        if (watched[0].revents != 0) {
            return;
        }
        if (watched[1].revents != 0) {
            serve_udp();
        }
        std::vector<Connection> open;
        for (size_t index = 0; index < connections_.size(); ++index) {
            if (watched[index + 3].revents == 0 || serve_tcp(connections_[index])) {
                open.push_back(std::move(connections_[index]));
            } else {
                close(connections_[index].socket);
            }
        }
        connections_ = std::move(open);
        if (watched[2].revents != 0) {
            const int accepted = accept4(tcp_, nullptr, nullptr, SOCK_CLOEXEC);
            if (accepted >= 0) {
                connections_.push_back({accepted, ""});
            }
        }
    }
}

void DnsServer::serve_udp() {
    std::array<char, 4096> buffer{};
    sockaddr_in from{};
    while (true) {
        socklen_t size = sizeof from;
        const ssize_t got = recvfrom(
            udp_, buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
        if (got < 0) {
            return;
        }
        const std::string reply = answer({buffer.data(), static_cast<size_t>(got)}, false);
        if (!reply.empty()) {
            sendto(udp_,
                   reply.data(),
                   reply.size(),
                   0,
                   reinterpret_cast<const sockaddr*>(&from),
                   size);
        }
    }
}

bool DnsServer::serve_tcp(Connection& connection) {
    std::array<char, 4096> buffer{};
    const ssize_t got = recv(connection.socket, buffer.data(), buffer.size(), 0);
    if (got <= 0) {
        return false;
    }
    std::string& received = connection.received;
    received.append(buffer.data(), static_cast<size_t>(got));
    while (received.size() >= 2 && received.size() >= 2 + read_be16(received, 0)) {
        const size_t size = read_be16(received, 0);
        const std::string reply = answer(std::string_view(received).substr(2, size), true);
        received.erase(0, 2 + size);
        const std::string framed = be16(reply.size()) + reply;
        if (!reply.empty() &&
            send(connection.socket, framed.data(), framed.size(), MSG_NOSIGNAL) < 0) {
            return false;
        }
    }
    return true;
}

std::string DnsServer::answer(std::string_view query, bool tcp) {
    if (query.size() < kHeader) {
        return {};
    }
    size_t end = 0;
    const std::string name = decode_name(query, end);
    if (end + 4 > query.size()) {
        return {};
    }
    DnsReply reply{.code = kDnsNoSuchName};
    {
        const base::MutexLock lock(mutex_);
        ++asked_[name];
        asked_over_tcp_ += tcp ? 1 : 0;
        const auto found = replies_.find(name);
        if (found != replies_.end()) {
            reply = found->second;
        }
    }
    if (reply.silent) {
        return {};
    }
    const bool options = read_be16(query, 10) != 0;
    const bool cut = reply.only_over_tcp && !tcp;
    const int code = reply.refuses_edns && options ? kFormatError : reply.code;
    const bool bare = cut || code != 0;
    size_t count = bare ? 0 : reply.records.size();
    if (reply.garbage_count != 0) {
        count = reply.garbage_count;
    }
    std::string out(query.substr(0, 2));
    out += static_cast<char>(cut ? 0x83 : 0x81);  // an answer; cut off; recursion desired
    out += static_cast<char>(0x80 | code);
    out += be16(1) + be16(count) + be16(0) + be16(0);
    out += query.substr(kHeader, end + 4 - kHeader);
    out += reply.garbage;
    for (size_t index = 0; index < count && reply.garbage_count == 0; ++index) {
        out += encode_record(reply.records[index]);
    }
    SKEIN_CHECK(out.size() <= kMessageMax, "scripted answer too large", out.size());
    return out;
}

}  // namespace test_support

#include "bench/load/farm/server.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/load/farm/value.h"

namespace bench {
namespace {

using base::Code;
using base::fail;

constexpr int kBacklog = 4096;
constexpr int kEventsMax = 256;
// One read; a pipelining client's further requests wait in the socket.
constexpr size_t kReadMax = kRequestHeadMax;

auto system_error(const char* doing) {
    return fail(Code::kIo, std::string(doing) + ": " + std::strerror(errno));
}

std::string address_text(const sockaddr_in& address) {
    std::array<char, INET_ADDRSTRLEN> text{};
    return inet_ntop(AF_INET, &address.sin_addr, text.data(), text.size()) == nullptr ? "-"
                                                                                      : text.data();
}

}  // namespace

struct Server::Connection {
    int fd;
    uint64_t id;
    uint32_t watched;             // epoll events asked for now
    std::string peer;             // its address
    std::string in;               // received, not yet understood
    std::string out;              // what the socket did not take yet
    size_t out_at = 0;            // sent bytes of out
    std::optional<Request> held;  // its answer is delayed
    bool last = false;            // close when out is sent
    bool gone = false;            // close now

    [[nodiscard]] bool idle() const { return out.empty() && !held && !last && !gone; }
};

Server::Server(const FarmOptions& options, Pages& pages, const base::Clock& clock)
    : options_(options), pages_(pages), clock_(clock) {}

Server::~Server() {
    for (const auto& connection : connections_) {
        if (connection != nullptr) {
            ::close(connection->fd);
        }
    }
    for (const int fd : listeners_) {
        ::close(fd);
    }
    for (const int fd : {signals_, epoll_}) {
        if (fd >= 0) {
            ::close(fd);
        }
    }
}

base::Result<std::unique_ptr<Server>> Server::open(const FarmOptions& options,
                                                   Pages& pages,
                                                   const base::Clock& clock) {
    std::unique_ptr<Server> server(new Server(options, pages, clock));
    server->epoll_ = epoll_create1(EPOLL_CLOEXEC);
    if (server->epoll_ < 0) {
        return system_error("create an epoll");
    }
    TRY(server->watch_signals());
    TRY(server->listen_all());
    pages.set_port(server->port_);
    return server;
}

base::Status Server::watch(int fd, uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) {
        return system_error("watch a descriptor");
    }
    return base::success();
}

base::Status Server::watch_signals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, nullptr);
    signals_ = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signals_ < 0) {
        return system_error("watch signals");
    }
    return watch(signals_, EPOLLIN);
}

base::Status Server::listen_all() {
    TRY(listen_on(options_.port));
    for (uint16_t i = 1; i < options_.ports; ++i) {
        TRY(listen_on(static_cast<uint16_t>(port_ + i)));
    }
    return base::success();
}

base::Status Server::listen_on(uint16_t port) {
    const std::string name = options_.host + ':' + std::to_string(port);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    if (inet_pton(AF_INET, options_.host.c_str(), &address.sin_addr) != 1) {
        return fail(Code::kInvalid, "--host: not an IPv4 address:", options_.host);
    }
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return system_error("open a socket");
    }
    listeners_.push_back(fd);
    const int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    socklen_t length = sizeof address;
    if (bind(fd, reinterpret_cast<sockaddr*>(&address), length) != 0 || listen(fd, kBacklog) != 0 ||
        getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
        return system_error(("listen on " + name + " (choose another --port)").c_str());
    }
    if (port_ == 0) {
        port_ = ntohs(address.sin_port);
    }
    return watch(fd, EPOLLIN);
}

bool Server::is_listener(int fd) const {
    for (const int listener : listeners_) {
        if (listener == fd) {
            return true;
        }
    }
    return false;
}

int Server::wait_ms() const {
    const base::SteadyTime next =
        delayed_.empty() ? next_tick_ : std::min(next_tick_, delayed_.top().due);
    if (next == base::SteadyTime::max()) {
        return -1;
    }
    const auto left = next - clock_.steady();
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
    return ms > 0 ? static_cast<int>(ms) : 0;
}

base::Status Server::run() {
    std::array<epoll_event, kEventsMax> events{};
    while (!stopping_) {
        const int count = epoll_wait(epoll_, events.data(), kEventsMax, wait_ms());
        if (count < 0 && errno != EINTR) {
            return system_error("wait for events");
        }
        for (int i = 0; i < count; ++i) {
            handle(events[static_cast<size_t>(i)].data.fd, events[static_cast<size_t>(i)].events);
        }
        release_due();
        next_tick_ = pages_.tick(clock_.steady());
    }
    return base::success();
}

void Server::handle(int fd, uint32_t events) {
    if (fd == signals_) {
        stopping_ = true;
        return;
    }
    const auto index = static_cast<size_t>(fd);
    if (index >= connections_.size() || connections_[index] == nullptr) {
        if (is_listener(fd)) {
            accept_all(fd);
        }
        return;
    }
    Connection& connection = *connections_[index];
    if ((events & EPOLLOUT) != 0) {
        flush(connection);
    }
    if ((events & EPOLLIN) != 0) {
        read(connection);
    } else if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
        connection.gone = true;
    }
    process(connection);
    settle(connection);
}

void Server::accept_all(int listener) {
    while (true) {
        sockaddr_in from{};
        socklen_t length = sizeof from;
        const int fd = accept4(
            listener, reinterpret_cast<sockaddr*>(&from), &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            return;  // none waits, or no descriptor is free: the backlog keeps them
        }
        const int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (open_ >= kConnectionsMax || !watch(fd, EPOLLIN).has_value()) {
            ::close(fd);
            continue;
        }
        const auto index = static_cast<size_t>(fd);
        if (index >= connections_.size()) {
            connections_.resize(index + 1);
        }
        connections_[index] = std::make_unique<Connection>();
        connections_[index]->fd = fd;
        connections_[index]->id = next_id_++;
        connections_[index]->peer = address_text(from);
        connections_[index]->watched = EPOLLIN;
        pages_.set_connections(++open_);
    }
}

void Server::read(Connection& connection) {
    const size_t had = connection.in.size();
    connection.in.resize(had + kReadMax);
    const ssize_t got = recv(connection.fd, connection.in.data() + had, kReadMax, 0);
    connection.in.resize(had + static_cast<size_t>(got > 0 ? got : 0));
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
        connection.gone = true;
    }
}

// Answers what has come in, in order, until an answer has to wait.
void Server::process(Connection& connection) {
    while (connection.idle() && !connection.in.empty()) {
        ParsedRequest parsed = parse_request(connection.in);
        if (parsed.state == ParseState::kIncomplete) {
            return;
        }
        if (parsed.state == ParseState::kMalformed) {
            connection.last = true;
            send(connection, pages_.refuse("400 Bad Request", "not an HTTP/1 request head\n"));
            return;
        }
        connection.in.erase(0, parsed.size);
        parsed.request.peer = connection.peer;
        take(connection, std::move(parsed.request));
    }
}

void Server::take(Connection& connection, Request request) {
    if (options_.delay_max_ms > 0 && pages_.is_scrape(request)) {
        delayed_.push({clock_.steady() + delay(), connection.fd, connection.id});
        connection.held = std::move(request);
        return;
    }
    connection.last = request.close || request.has_body;
    send(connection, pages_.answer(request));
}

base::Duration Server::delay() {
    const uint64_t width = options_.delay_max_ms - options_.delay_min_ms + 1;
    const uint64_t ms = options_.delay_min_ms + mix(options_.seed + delays_++) % width;
    return std::chrono::milliseconds(ms);
}

void Server::send(Connection& connection, std::string_view answer) {
    const ssize_t sent = ::send(connection.fd, answer.data(), answer.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) {
        connection.gone = true;
        return;
    }
    const auto taken = static_cast<size_t>(sent > 0 ? sent : 0);
    connection.out.assign(answer.substr(taken));
    connection.out_at = 0;
}

void Server::flush(Connection& connection) {
    const std::string_view rest = std::string_view(connection.out).substr(connection.out_at);
    const ssize_t sent = ::send(connection.fd, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent < 0) {
        connection.gone = connection.gone || (errno != EAGAIN && errno != EINTR);
        return;
    }
    connection.out_at += static_cast<size_t>(sent);
    if (connection.out_at == connection.out.size()) {
        connection.out.clear();
        connection.out_at = 0;
    }
}

// Closes the connection if it is done, else asks for the events it now waits for.
void Server::settle(Connection& connection) {
    if (connection.gone || (connection.last && connection.out.empty())) {
        close(connection);
        return;
    }
    const uint32_t wanted = !connection.out.empty() ? EPOLLOUT : connection.held ? 0u : EPOLLIN;
    if (wanted == connection.watched) {
        return;
    }
    epoll_event event{};
    event.events = wanted;
    event.data.fd = connection.fd;
    connection.watched = wanted;
    epoll_ctl(epoll_, EPOLL_CTL_MOD, connection.fd, &event);
}

void Server::release_due() {
    while (!delayed_.empty() && delayed_.top().due <= clock_.steady()) {
        const Delayed due = delayed_.top();
        delayed_.pop();
        Connection* connection = connections_[static_cast<size_t>(due.fd)].get();
        if (connection == nullptr || connection->id != due.id || !connection->held) {
            continue;  // the client did not wait
        }
        const Request request = std::move(*connection->held);
        connection->held.reset();
        connection->last = request.close;
        send(*connection, pages_.answer(request));
        process(*connection);
        settle(*connection);
    }
}

void Server::close(Connection& connection) {
    const int fd = connection.fd;
    connections_[static_cast<size_t>(fd)].reset();
    ::close(fd);
    pages_.set_connections(--open_);
}

}  // namespace bench

// The farm's sockets: one thread, one epoll, HTTP/1.1 with keep-alive and pipelining.
#pragma once

#include <cstdint>
#include <memory>
#include <queue>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "bench/load/farm/options.h"
#include "bench/load/farm/pages.h"

namespace bench {

// Connections beyond this are closed at once.
inline constexpr size_t kConnectionsMax = 32'768;

// Threads: all calls on one.
class Server {
  public:
    // Listens on options.ports consecutive ports. Arguments are borrowed and outlive the server.
    //   errors   kIo: an address cannot be bound; the message names it
    static base::Result<std::unique_ptr<Server>> open(const FarmOptions& options,
                                                      Pages& pages,
                                                      const base::Clock& clock);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    // The first port.
    [[nodiscard]] uint16_t port() const { return port_; }

    // Serves until SIGTERM or SIGINT.
    base::Status run();

  private:
    struct Connection;

    // An answer that is held back.
    struct Delayed {
        base::SteadyTime due;
        int fd;
        uint64_t id;

        bool operator>(const Delayed& other) const { return due > other.due; }
    };

    Server(const FarmOptions& options, Pages& pages, const base::Clock& clock);
    base::Status listen_all();
    base::Status listen_on(uint16_t port);
    base::Status watch_signals();
    base::Status watch(int fd, uint32_t events);
    [[nodiscard]] bool is_listener(int fd) const;
    [[nodiscard]] int wait_ms() const;

    void handle(int fd, uint32_t events);
    void accept_all(int listener);
    void read(Connection& connection);
    void process(Connection& connection);
    void take(Connection& connection, Request request);
    void send(Connection& connection, std::string_view answer);
    void flush(Connection& connection);
    void settle(Connection& connection);
    void release_due();
    void close(Connection& connection);
    [[nodiscard]] base::Duration delay();

    const FarmOptions& options_;
    Pages& pages_;
    const base::Clock& clock_;
    int epoll_ = -1;
    int signals_ = -1;
    uint16_t port_ = 0;
    bool stopping_ = false;
    uint64_t next_id_ = 1;
    uint64_t delays_ = 0;
    size_t open_ = 0;
    base::SteadyTime next_tick_{};
    std::vector<int> listeners_;
    std::vector<std::unique_ptr<Connection>> connections_;  // by descriptor
    std::priority_queue<Delayed, std::vector<Delayed>, std::greater<>> delayed_;
};

}  // namespace bench

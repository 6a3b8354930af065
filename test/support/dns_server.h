// A DNS server on loopback that says what a test scripts, over UDP and TCP.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/sync.h"

namespace test_support {

struct DnsServerRecord {
    uint16_t type = 0;
    std::string data;  // as it stands in messages
};

[[nodiscard]] DnsServerRecord dns_a(const std::string& address);
[[nodiscard]] DnsServerRecord dns_aaaa(const std::string& address);
[[nodiscard]] DnsServerRecord dns_srv(std::string_view target, uint16_t port);
[[nodiscard]] DnsServerRecord dns_mx(std::string_view target);
[[nodiscard]] DnsServerRecord dns_ns(std::string_view target);
[[nodiscard]] DnsServerRecord dns_cname(std::string_view target);

inline constexpr int kDnsServerFailure = 2;
inline constexpr int kDnsNoSuchName = 3;

struct DnsReply {
    int code = 0;  // 0 is good
    std::vector<DnsServerRecord> records;
    bool only_over_tcp = false;  // over UDP the answer is cut off, without any record
    bool refuses_edns = false;   // what an old server says to a question with options
    bool silent = false;
    uint16_t garbage_count = 0;  // answers announced; with it `garbage` stands for the records
    std::string garbage;
};

// Any name without a script does not exist.
//   threads   one of its own, from construction to destruction; calls from any
class DnsServer {
  public:
    DnsServer();
    ~DnsServer();
    DnsServer(const DnsServer&) = delete;
    DnsServer& operator=(const DnsServer&) = delete;

    // "127.0.0.1:port"
    [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

    // From now on; `name` ends in a dot, and the reply is the same for questions of all types.
    void script(const std::string& name, DnsReply reply) EXCLUDES_LOCK(mutex_);
    [[nodiscard]] size_t asked(const std::string& name) const EXCLUDES_LOCK(mutex_);
    [[nodiscard]] size_t asked_over_tcp() const EXCLUDES_LOCK(mutex_);

  private:
    struct Connection {
        int socket = -1;
        std::string received;
    };

    [[nodiscard]] bool open();
    void run();
    void serve_udp();
    // Returns false when the connection is over.
    [[nodiscard]] bool serve_tcp(Connection& connection);
    // Empty: say nothing.
    [[nodiscard]] std::string answer(std::string_view query, bool tcp) EXCLUDES_LOCK(mutex_);

    uint16_t port_ = 0;
    int udp_ = -1;
    int tcp_ = -1;
    int stop_ = -1;
    mutable base::Mutex mutex_;
    std::map<std::string, DnsReply> replies_ GUARDED_BY(mutex_);
    std::map<std::string, size_t> asked_ GUARDED_BY(mutex_);
    size_t asked_over_tcp_ GUARDED_BY(mutex_) = 0;
    std::vector<Connection> connections_;  // the thread's
    std::thread thread_;
};

}  // namespace test_support

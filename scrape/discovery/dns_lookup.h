// Asking DNS servers for many names at once.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "scrape/discovery/dns_records.h"
#include "scrape/options.h"

namespace scrape {

inline constexpr size_t kDnsInFlightMax = 256;        // names asked for at a time
inline constexpr uint16_t kDnsUdpAnswerBytes = 1232;  // fits every path; more comes over TCP
// Of one server; twice that in the second round.
inline constexpr std::chrono::milliseconds kDnsQueryTimeout{2000};
inline constexpr int kDnsTries = 2;                                    // per server and name
inline constexpr std::chrono::milliseconds kDnsLookupTimeout{30'000};  // of all names together

// The defaults are the settings of the system (/etc/resolv.conf): servers, search domains, ndots.
struct DnsResolver {
    std::string servers;                             // "host:port,…"; empty: the system's
    std::optional<std::vector<std::string>> search;  // none: the system's
    std::chrono::milliseconds query_timeout = kDnsQueryTimeout;
    std::chrono::milliseconds lookup_timeout = kDnsLookupTimeout;
};

// An eventfd that ends lookups and pauses from another thread.
class DnsStop {
  public:
    DnsStop();
    ~DnsStop();
    DnsStop(const DnsStop&) = delete;
    DnsStop& operator=(const DnsStop&) = delete;

    void stop() const;
    // Returns whether it was stopped.
    [[nodiscard]] bool wait_until(std::chrono::steady_clock::time_point time) const;

    [[nodiscard]] int descriptor() const { return descriptor_; }

  private:
    int descriptor_;
};

// The names to try in turn: a name that ends in a dot as it is; others with each search domain, and
// alone: first when they have `ndots` dots or more, else last.
[[nodiscard]] std::vector<std::string> dns_candidates(const std::string& name,
                                                      const std::vector<std::string>& search,
                                                      int ndots);

using DnsAnswer = base::Result<std::vector<DnsRecord>>;

// Asks for all names, and returns one answer for each, in order. The system's settings are read
// every time. Of a name's candidates the first that exists is the answer, also when it has no
// records; a name whose candidates all do not exist has none. Truncated answers are asked for again
// over TCP.
//   threads  blocks the calling one, at most lookup_timeout; returns soon after stop.stop()
//   errors   per name: kUnavailable: some candidate got no usable answer, and none exists;
//            kTimeout: no time was left; kCanceled: stopped; kCorrupt, kLimit: parse_dns_answer
[[nodiscard]] std::vector<DnsAnswer> look_up_dns(const std::vector<std::string>& names,
                                                 DnsRecordType type,
                                                 const DnsResolver& resolver,
                                                 const DnsStop& stop);

}  // namespace scrape

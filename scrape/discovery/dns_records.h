// What DNS answers say, as far as discovery asks: hosts, and ports of services.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "scrape/options.h"

namespace scrape {

// As many address records as the largest message of 64 KiB has room for.
inline constexpr size_t kDnsAnswersMax = 4096;

struct DnsRecord {
    std::string host;   // a name without its last dot, or an address
    uint16_t port = 0;  // of SRV records

    auto operator<=>(const DnsRecord&) const = default;
};

// The records of `type` in a message, sorted, each once. Names that stand for the root ("no such
// service", RFC 2782) and records of other types are left out. The bytes are a stranger's.
//   errors  kCorrupt: not a message, or with names that are none; kLimit: more than kDnsAnswersMax
[[nodiscard]] base::Result<std::vector<DnsRecord>> parse_dns_answer(
    std::span<const unsigned char> message, DnsRecordType type);

}  // namespace scrape

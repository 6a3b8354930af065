// Any bytes are a DNS answer with at most so many records, or an error; the first says of what
// type.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "scrape/discovery/dns_records.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) {
        return 0;
    }
    using enum scrape::DnsRecordType;
    constexpr scrape::DnsRecordType kTypes[] = {kSrv, kA, kAaaa, kMx, kNs};
    const auto records = scrape::parse_dns_answer({data + 1, size - 1}, kTypes[data[0] % 5]);
    if (!records) {
        return 0;
    }
    for (const scrape::DnsRecord& record : records.value()) {
        if (record.host.empty() || record.host.ends_with('.')) {
            std::abort();
        }
    }
    if (records.value().size() > scrape::kDnsAnswersMax) {
        std::abort();
    }
    return 0;
}

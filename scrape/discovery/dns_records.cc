#include "scrape/discovery/dns_records.h"

#include <algorithm>
#include <array>
#include <limits>
#include <memory>

#include <ares.h>
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

namespace scrape {
namespace {

struct FreeReply {
    void operator()(void* reply) const { ares_free_data(reply); }

    void operator()(hostent* host) const { ares_free_hostent(host); }
};

// One message on its way into records. Every read_…() returns the library's status.
class AnswerReader {
  public:
    explicit AnswerReader(std::span<const unsigned char> message)
        : bytes_(message.data()), size_(static_cast<int>(message.size())) {}

    int read(DnsRecordType type) {
        switch (type) {
            case DnsRecordType::kSrv:
                return read_srv();
            case DnsRecordType::kA:
                return read_a();
            case DnsRecordType::kAaaa:
                return read_aaaa();
            case DnsRecordType::kMx:
                return read_mx();
            case DnsRecordType::kNs:
                return read_ns();
        }
        return ARES_ENODATA;
    }

    // Counts records beyond the limit, but does not keep them.
    [[nodiscard]] bool full() const { return records_.size() > kDnsAnswersMax; }

    std::vector<DnsRecord> take() { return std::move(records_); }

  private:
    void add(std::string host, uint16_t port) {
        if (!full()) {
            records_.push_back({std::move(host), port});
        }
    }

    void add_name(const char* name, uint16_t port) {
        std::string host(name);
        while (host.ends_with('.')) {
            host.pop_back();
        }
        if (!host.empty()) {
            add(std::move(host), port);
        }
    }

    int read_srv() {
        ares_srv_reply* first = nullptr;
        const int status = ares_parse_srv_reply(bytes_, size_, &first);
        const std::unique_ptr<ares_srv_reply, FreeReply> owned(first);
        for (const ares_srv_reply* reply = first; reply != nullptr; reply = reply->next) {
            add_name(reply->host, reply->port);
        }
        return status;
    }

    int read_mx() {
        ares_mx_reply* first = nullptr;
        const int status = ares_parse_mx_reply(bytes_, size_, &first);
        const std::unique_ptr<ares_mx_reply, FreeReply> owned(first);
        for (const ares_mx_reply* reply = first; reply != nullptr; reply = reply->next) {
            add_name(reply->host, 0);
        }
        return status;
    }

    int read_ns() {
        hostent* host = nullptr;
        const int status = ares_parse_ns_reply(bytes_, size_, &host);
        const std::unique_ptr<hostent, FreeReply> owned(host);
        if (host != nullptr && host->h_aliases != nullptr) {
            for (char** name = host->h_aliases; *name != nullptr; ++name) {
                add_name(*name, 0);
            }
        }
        return status;
    }

    int read_a() {
        std::vector<ares_addrttl> found(kDnsAnswersMax + 1);
        int count = static_cast<int>(found.size());
        const int status = ares_parse_a_reply(bytes_, size_, nullptr, found.data(), &count);
        for (int index = 0; status == ARES_SUCCESS && index < count; ++index) {
            add_address(AF_INET, &found[static_cast<size_t>(index)].ipaddr);
        }
        return status;
    }

    int read_aaaa() {
        std::vector<ares_addr6ttl> found(kDnsAnswersMax + 1);
        int count = static_cast<int>(found.size());
        const int status = ares_parse_aaaa_reply(bytes_, size_, nullptr, found.data(), &count);
        for (int index = 0; status == ARES_SUCCESS && index < count; ++index) {
            add_address(AF_INET6, &found[static_cast<size_t>(index)].ip6addr);
        }
        return status;
    }

    // An IPv4 address in IPv6's clothes is written as what it is.
    void add_address(int family, const void* address) {
        in6_addr six{};
        if (family == AF_INET6) {
            six = *static_cast<const in6_addr*>(address);
            if (IN6_IS_ADDR_V4MAPPED(&six)) {
                family = AF_INET;
                address = &six.s6_addr[12];
            } else {
                address = &six;
            }
        }
        std::array<char, INET6_ADDRSTRLEN> text{};
        if (inet_ntop(family, address, text.data(), text.size()) != nullptr) {
            add(text.data(), 0);
        }
    }

    const unsigned char* const bytes_;
    const int size_;
    std::vector<DnsRecord> records_;
};

}  // namespace

base::Result<std::vector<DnsRecord>> parse_dns_answer(std::span<const unsigned char> message,
                                                      DnsRecordType type) {
    if (message.size() > std::numeric_limits<uint16_t>::max()) {
        return base::fail(base::Code::kLimit, "DNS answer larger than 64 KiB");
    }
    AnswerReader reader(message);
    const int status = reader.read(type);
    if (status == ARES_ENODATA) {
        return std::vector<DnsRecord>();
    }
    if (status != ARES_SUCCESS) {
        return base::fail(base::Code::kCorrupt, "DNS answer is malformed:", ares_strerror(status));
    }
    if (reader.full()) {
        return base::fail(base::Code::kLimit, "DNS answer with more records than", kDnsAnswersMax);
    }
    std::vector<DnsRecord> records = reader.take();
    std::sort(records.begin(), records.end());
    records.erase(std::unique(records.begin(), records.end()), records.end());
    return records;
}

}  // namespace scrape

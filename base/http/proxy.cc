#include "base/http/proxy.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>

#include <arpa/inet.h>

#include "base/http/message.h"
#include "base/http/stream.h"

namespace base::http {

namespace {

std::string environment(const char* upper, const char* lower) {
    for (const char* const name : {lower, upper}) {
        const char* const value = std::getenv(name);
        if (value != nullptr && *value != '\0') {
            return value;
        }
    }
    return "";
}

std::string_view address_bytes(const Address& address) {
    const auto* const base = reinterpret_cast<const char*>(&address.storage);
    if (address.storage.ss_family == AF_INET) {
        return {base + offsetof(sockaddr_in, sin_addr), 4};
    }
    return {base + offsetof(sockaddr_in6, sin6_addr), 16};
}

bool in_network(std::string_view network, const Address& address) {
    const size_t slash = network.find('/');
    unsigned bits = 0;
    const std::string_view length = network.substr(slash + 1);
    std::from_chars(length.data(), length.data() + length.size(), bits);
    const Result<Address> base = ip_address(network.substr(0, slash), 0);
    if (!base || base.value().storage.ss_family != address.storage.ss_family) {
        return false;
    }
    const std::string_view left = address_bytes(base.value());
    const std::string_view right = address_bytes(address);
    for (unsigned bit = 0; bit < bits && bit < left.size() * 8; ++bit) {
        const int mask = 0x80 >> (bit % 8);
        if (((left[bit / 8] ^ right[bit / 8]) & mask) != 0) {
            return false;
        }
    }
    return true;
}

bool entry_matches(std::string_view entry, const Url& url, const Result<Address>& address) {
    if (entry == "*") {
        return true;
    }
    if (entry.find('/') != std::string_view::npos) {
        return address.has_value() && in_network(entry, address.value());
    }
    std::string host(entry);
    if (ip_address(entry, 0).has_value()) {
        return equals_ignoring_case(entry, url.host);
    }
    if (const Result<HostPort> parts = parse_host_port(entry, 1); parts.has_value()) {
        const bool has_port = entry.back() != ']' && entry.find(':') != std::string_view::npos;
        if (has_port && parts.value().port != url.effective_port()) {
            return false;
        }
        host = parts.value().host;
    }
    if (host.starts_with("*.")) {
        host.erase(0, 1);
    }
    if (host.starts_with(".")) {
        return url.host.size() > host.size() &&
               equals_ignoring_case(
                   std::string_view(url.host).substr(url.host.size() - host.size()), host);
    }
    if (equals_ignoring_case(host, url.host)) {
        return true;
    }
    const std::string dotted = "." + host;
    return url.host.size() > dotted.size() &&
           equals_ignoring_case(std::string_view(url.host).substr(url.host.size() - dotted.size()),
                                dotted);
}

bool is_loopback(const Url& url, const Result<Address>& address) {
    if (url.host == "localhost") {
        return true;
    }
    if (!address) {
        return false;
    }
    const std::string_view bytes = address_bytes(address.value());
    if (bytes.size() == 4) {
        return bytes[0] == 127;
    }
    in6_addr six{};
    std::memcpy(&six, bytes.data(), bytes.size());
    return IN6_IS_ADDR_LOOPBACK(&six);
}

}  // namespace

bool bypasses_proxy(std::string_view no_proxy, const Url& url) {
    const Result<Address> address = ip_address(url.host, 0);
    if (is_loopback(url, address)) {
        return true;
    }
    while (!no_proxy.empty()) {
        const size_t end = std::min(no_proxy.find(','), no_proxy.size());
        std::string_view entry = no_proxy.substr(0, end);
        no_proxy.remove_prefix(std::min(end + 1, no_proxy.size()));
        while (!entry.empty() && entry.front() == ' ') {
            entry.remove_prefix(1);
        }
        while (!entry.empty() && entry.back() == ' ') {
            entry.remove_suffix(1);
        }
        if (!entry.empty() && entry_matches(entry, url, address)) {
            return true;
        }
    }
    return false;
}

Result<std::optional<Url>> choose_proxy(const ClientOptions& options, const Url& url) {
    std::string proxy = options.proxy_url;
    std::string bypass = options.no_proxy;
    if (options.proxy_from_environment) {
        proxy = url.tls() ? environment("HTTPS_PROXY", "https_proxy")
                          : environment("HTTP_PROXY", "http_proxy");
        bypass = environment("NO_PROXY", "no_proxy");
    }
    const bool listed = options.proxy_from_environment || !bypass.empty();
    if (proxy.empty() || (listed && bypasses_proxy(bypass, url))) {
        return std::optional<Url>();
    }
    if (proxy.find("://") == std::string::npos) {
        proxy.insert(0, "http://");
    }
    TRY(Url parsed, context(Url::parse(proxy), "proxy_url"));
    if (parsed.scheme != "http") {
        return fail(Code::kUnsupported,
                    "proxy_url: proxies of scheme",
                    parsed.scheme,
                    "are not supported, use http");
    }
    return std::optional<Url>(std::move(parsed));
}

}  // namespace base::http

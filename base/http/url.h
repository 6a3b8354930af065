// URLs as HTTP uses them: http, https and unix sockets.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/secret.h"

namespace base::http {

struct Url {
    std::string scheme;  // lower case
    std::string user;    // decoded
    Secret password;     // decoded
    bool has_userinfo = false;
    std::string host;   // without brackets; decoded
    uint16_t port = 0;  // 0: none given
    std::string path;   // encoded as given; "" or starts with '/'
    std::string query;  // encoded, without '?'
    bool has_query = false;
    std::string fragment;  // encoded, without '#'

    // An absolute URL with a host. errors  kInvalid, naming the text (userinfo masked)
    [[nodiscard]] static Result<Url> parse(std::string_view text);

    // The port to dial: as given, or 80 and 443.
    [[nodiscard]] uint16_t effective_port() const;
    // "host:port" to dial, IPv6 in brackets.
    [[nodiscard]] std::string address() const;
    // The Host header: with the port only when one was given.
    [[nodiscard]] std::string host_header() const;
    // The request target: path ("/" when empty) and query.
    [[nodiscard]] std::string target() const;
    // Whole URL; the password prints as "xxxxx".
    [[nodiscard]] std::string to_string() const;
    // RFC 3986 §5: what a Location header means, seen from this URL.
    [[nodiscard]] Result<Url> resolve(std::string_view reference) const;
    // Path elements put behind the path, with exactly one '/' between.
    [[nodiscard]] Url join(std::string_view path) const;

    [[nodiscard]] bool tls() const { return scheme == "https"; }

    [[nodiscard]] bool same_origin(const Url& other) const {
        return scheme == other.scheme && host == other.host &&
               effective_port() == other.effective_port();
    }
};

// %XX decoded, and '+' as space when `plus` is set. errors  kInvalid: a bad escape
[[nodiscard]] Result<std::string> percent_decode(std::string_view text, bool plus);
// Everything but unreserved characters as %XX; space as '+' with `plus`, like Go's QueryEscape.
[[nodiscard]] std::string percent_encode(std::string_view text, bool plus = true);

// "host:port", "[::1]:port"; a missing port is an error unless default_port > 0.
struct HostPort {
    std::string host;
    uint16_t port = 0;
};

[[nodiscard]] Result<HostPort> parse_host_port(std::string_view text, uint16_t default_port = 0);

}  // namespace base::http

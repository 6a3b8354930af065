#include "base/http/url.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

namespace base::http {

namespace {

constexpr size_t kUrlMax = 64 * 1024;  // bytes

bool is_alpha(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_unreserved(char c) {
    return is_alpha(c) || is_digit(c) || c == '-' || c == '_' || c == '.' || c == '~';
}

int hex_value(char c) {
    if (is_digit(c)) {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return -1;
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        if (c >= 'A' && c <= 'Z') {
            c = static_cast<char>(c - 'A' + 'a');
        }
    }
    return out;
}

// Length of the scheme in front of a ':', or 0.
size_t scheme_length(std::string_view text) {
    if (text.empty() || !is_alpha(text[0])) {
        return 0;
    }
    size_t n = 1;
    while (n < text.size() && (is_alpha(text[n]) || is_digit(text[n]) || text[n] == '+' ||
                               text[n] == '-' || text[n] == '.')) {
        ++n;
    }
    return n < text.size() && text[n] == ':' ? n : 0;
}

// What may be shown of a text that is no URL: nothing between "//" and "@".
std::string masked(std::string_view text) {
    const size_t slashes = text.find("//");
    const size_t at = text.find('@');
    if (slashes == std::string_view::npos || at == std::string_view::npos || at < slashes) {
        return std::string(text.substr(0, 200));
    }
    return std::string(text.substr(0, slashes + 2)) + "xxxxx" + std::string(text.substr(at, 200));
}

// Bytes that may not stand in a URL as it goes out on the wire.
bool clean(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte > 0x20 && byte != 0x7f;
    });
}

Status parse_authority(std::string_view text, Url& url) {
    const size_t at = text.rfind('@');
    if (at != std::string_view::npos) {
        const std::string_view userinfo = text.substr(0, at);
        const size_t colon = userinfo.find(':');
        TRY(url.user, percent_decode(userinfo.substr(0, colon), false));
        if (colon != std::string_view::npos) {
            TRY(std::string password, percent_decode(userinfo.substr(colon + 1), false));
            url.password = Secret(std::move(password));
        }
        url.has_userinfo = true;
        text.remove_prefix(at + 1);
    }
    std::string_view port;
    std::string_view host = text;
    if (!text.empty() && text.front() == '[') {
        const size_t end = text.find(']');
        if (end == std::string_view::npos) {
            return fail(Code::kInvalid, "missing ']' in host");
        }
        host = text.substr(1, end - 1);
        if (end + 1 < text.size()) {
            if (text[end + 1] != ':') {
                return fail(Code::kInvalid, "unexpected text behind ']'");
            }
            port = text.substr(end + 2);
        }
    } else if (const size_t colon = text.rfind(':'); colon != std::string_view::npos) {
        host = text.substr(0, colon);
        port = text.substr(colon + 1);
    }
    TRY(url.host, percent_decode(host, false));
    url.host = lower(url.host);
    if (!port.empty()) {
        uint16_t number = 0;
        const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
        if (error != std::errc() || end != port.data() + port.size() || number == 0) {
            return fail(Code::kInvalid, "invalid port", "\"" + std::string(port) + "\"");
        }
        url.port = number;
    }
    return success();
}

// Splits "path?query#fragment".
void parse_rest(std::string_view text, Url& url) {
    if (const size_t hash = text.find('#'); hash != std::string_view::npos) {
        url.fragment = text.substr(hash + 1);
        text = text.substr(0, hash);
    }
    if (const size_t mark = text.find('?'); mark != std::string_view::npos) {
        url.query = text.substr(mark + 1);
        url.has_query = true;
        text = text.substr(0, mark);
    }
    url.path = text;
}

// RFC 3986 §5.2.4
std::string remove_dot_segments(std::string_view path) {
    std::vector<std::string_view> kept;
    bool open_end = false;  // the path ends with a '/'
    size_t at = 0;
    while (at < path.size()) {
        const size_t begin = at + (path[at] == '/' ? 1 : 0);
        const size_t end = std::min(path.find('/', begin), path.size());
        const std::string_view segment = path.substr(begin, end - begin);
        open_end = false;
        if (segment == "..") {
            if (!kept.empty()) {
                kept.pop_back();
            }
            open_end = true;
        } else if (segment == ".") {
            open_end = true;
        } else {
            kept.push_back(segment);
        }
        at = end;
    }
    std::string out;
    for (const std::string_view segment : kept) {
        out += '/';
        out += segment;
    }
    if (open_end || out.empty()) {
        out += '/';
    }
    return out;
}

std::string bracketed(const std::string& host) {
    return host.find(':') != std::string::npos ? "[" + host + "]" : host;
}

}  // namespace

Result<Url> Url::parse(std::string_view text) {
    const auto wrong = [&](const std::string& why) {
        return fail(Code::kInvalid, "parse \"" + masked(text) + "\": " + why);
    };
    if (text.size() > kUrlMax) {
        return fail(Code::kInvalid, "URL is longer than", kUrlMax, "bytes");
    }
    if (!clean(text)) {
        return wrong("invalid control character in URL");
    }
    const size_t scheme = scheme_length(text);
    if (scheme == 0 || text.substr(scheme, 3) != "://") {
        return wrong("an absolute URL is needed, like http://host:port/path");
    }
    Url url;
    url.scheme = lower(text.substr(0, scheme));
    std::string_view rest = text.substr(scheme + 3);
    const size_t end = std::min(rest.find_first_of("/?#"), rest.size());
    const Status authority = parse_authority(rest.substr(0, end), url);
    if (!authority) {
        return wrong(authority.error().message());
    }
    if (url.host.empty()) {
        return wrong("no host in URL");
    }
    parse_rest(rest.substr(end), url);
    return url;
}

uint16_t Url::effective_port() const {
    if (port != 0) {
        return port;
    }
    return tls() ? 443 : 80;
}

std::string Url::address() const {
    return bracketed(host) + ":" + std::to_string(effective_port());
}

std::string Url::host_header() const {
    if (!host.empty() && host.front() == '/') {
        return "localhost";  // a unix socket has no name
    }
    return port == 0 ? bracketed(host) : bracketed(host) + ":" + std::to_string(port);
}

std::string Url::target() const {
    std::string target = path.empty() ? "/" : path;
    if (has_query) {
        target += "?" + query;
    }
    return target;
}

std::string Url::to_string() const {
    std::string text = scheme + "://";
    if (has_userinfo) {
        text += percent_encode(user, false);
        if (!password.empty()) {
            text += ":xxxxx";
        }
        text += "@";
    }
    text += host.front() == '/' ? percent_encode(host, false) : bracketed(host);
    if (port != 0) {
        text += ":" + std::to_string(port);
    }
    text += path;
    if (has_query) {
        text += "?" + query;
    }
    if (!fragment.empty()) {
        text += "#" + fragment;
    }
    return text;
}

Result<Url> Url::resolve(std::string_view reference) const {
    if (!clean(reference)) {
        return fail(Code::kInvalid, "invalid control character in URL");
    }
    if (const size_t n = scheme_length(reference); n > 0) {
        return Url::parse(reference);
    }
    if (reference.starts_with("//")) {
        return Url::parse(scheme + ":" + std::string(reference));
    }
    Url url = *this;
    url.fragment.clear();
    Url relative;
    parse_rest(reference, relative);
    url.fragment = relative.fragment;
    if (relative.path.empty()) {
        if (relative.has_query) {
            url.query = relative.query;
            url.has_query = true;
        }
        return url;
    }
    url.query = relative.query;
    url.has_query = relative.has_query;
    if (relative.path.front() == '/') {
        url.path = remove_dot_segments(relative.path);
    } else {
        const size_t slash = path.rfind('/');
        const std::string base = slash == std::string::npos ? "/" : path.substr(0, slash + 1);
        url.path = remove_dot_segments(base + relative.path);
    }
    return url;
}

Url Url::join(std::string_view more) const {
    Url url = *this;
    while (!url.path.empty() && url.path.back() == '/') {
        url.path.pop_back();
    }
    while (!more.empty() && more.front() == '/') {
        more.remove_prefix(1);
    }
    url.path += '/';
    url.path += more;
    return url;
}

Result<std::string> percent_decode(std::string_view text, bool plus) {
    std::string out;
    out.reserve(text.size());
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '+' && plus) {
            out += ' ';
        } else if (text[i] != '%') {
            out += text[i];
        } else {
            const int high = i + 1 < text.size() ? hex_value(text[i + 1]) : -1;
            const int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
            if (high < 0 || low < 0) {
                return fail(Code::kInvalid,
                            "invalid URL escape",
                            "\"" + std::string(text.substr(i, 3)) + "\"");
            }
            out += static_cast<char>(high * 16 + low);
            i += 2;
        }
    }
    return out;
}

std::string percent_encode(std::string_view text, bool plus) {
    constexpr std::string_view kHex = "0123456789ABCDEF";
    std::string out;
    out.reserve(text.size());
    for (const char c : text) {
        if (is_unreserved(c)) {
            out += c;
        } else if (c == ' ' && plus) {
            out += '+';
        } else {
            const auto byte = static_cast<unsigned char>(c);
            out += '%';
            out += kHex[byte >> 4];
            out += kHex[byte & 15];
        }
    }
    return out;
}

Result<HostPort> parse_host_port(std::string_view text, uint16_t default_port) {
    const auto wrong = [&](std::string_view why) {
        return fail(Code::kInvalid, "address", "\"" + std::string(text) + "\":", why);
    };
    HostPort out;
    std::string_view port;
    if (!text.empty() && text.front() == '[') {
        const size_t end = text.find(']');
        if (end == std::string_view::npos) {
            return wrong("missing ']'");
        }
        out.host = text.substr(1, end - 1);
        const std::string_view rest = text.substr(end + 1);
        if (!rest.empty() && rest.front() != ':') {
            return wrong("unexpected text behind ']'");
        }
        port = rest.empty() ? rest : rest.substr(1);
    } else {
        const size_t colon = text.rfind(':');
        if (colon != std::string_view::npos && text.find(':') != colon) {
            return wrong("too many colons; write IPv6 addresses in brackets");
        }
        out.host = text.substr(0, colon);
        port = colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
    }
    if (port.empty()) {
        if (default_port == 0) {
            return wrong("missing port");
        }
        out.port = default_port;
        return out;
    }
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), out.port);
    if (error != std::errc() || end != port.data() + port.size()) {
        return wrong("invalid port");
    }
    return out;
}

}  // namespace base::http

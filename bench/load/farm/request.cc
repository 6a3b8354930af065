#include "bench/load/farm/request.h"

#include <algorithm>
#include <charconv>

namespace bench {
namespace {

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, {}, lower, lower);
}

bool contains_ignoring_case(std::string_view text, std::string_view word) {
    return !std::ranges::search(text, word, {}, lower, lower).empty();
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) {
        text.remove_prefix(1);
    }
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) {
        text.remove_suffix(1);
    }
    return text;
}

// Names go into /stats as they are, so only harmless ones count.
std::string client_name(std::string_view name) {
    constexpr size_t kNameMax = 64;
    const bool harmless = name.size() <= kNameMax && std::ranges::all_of(name, [](char c) {
                              return (c >= '0' && c <= '9') ||
                                     (lower(c) >= 'a' && lower(c) <= 'z') || c == '-' || c == '_' ||
                                     c == '.';
                          });
    return harmless ? std::string(name) : "-";
}

// "GET /t/1/metrics?client=a HTTP/1.1"
bool read_request_line(std::string_view line, Request& request) {
    const size_t method_end = line.find(' ');
    const size_t path_end = line.rfind(' ');
    if (method_end == line.npos || path_end == method_end) {
        return false;
    }
    const std::string_view version = line.substr(path_end + 1);
    if (!version.starts_with("HTTP/1.")) {
        return false;
    }
    const std::string_view target = line.substr(method_end + 1, path_end - method_end - 1);
    const size_t question = std::min(target.find('?'), target.size());
    request.method = line.substr(0, method_end);
    request.path = target.substr(0, question);
    request.query = target.substr(std::min(question + 1, target.size()));
    request.client = client_name(query_parameter(request.query, "client"));
    request.close = version == "HTTP/1.0";
    return true;
}

bool read_header(std::string_view line, Request& request) {
    const size_t colon = line.find(':');
    if (colon == line.npos || colon == 0) {
        return false;
    }
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = trimmed(line.substr(colon + 1));
    if (equal_ignoring_case(name, "accept-encoding")) {
        request.accepts_gzip = contains_ignoring_case(value, "gzip");
    } else if (equal_ignoring_case(name, "connection")) {
        request.close = contains_ignoring_case(value, "close") ||
                        (request.close && !contains_ignoring_case(value, "keep-alive"));
    } else if (equal_ignoring_case(name, "content-length")) {
        request.has_body = request.has_body || value != "0";
    } else if (equal_ignoring_case(name, "transfer-encoding")) {
        request.has_body = true;
    }
    return true;
}

}  // namespace

std::string_view query_parameter(std::string_view query, std::string_view name) {
    while (!query.empty()) {
        const std::string_view pair = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(query.size(), pair.size() + 1));
        if (pair.starts_with(name) && pair.substr(name.size()).starts_with('=')) {
            return pair.substr(name.size() + 1);
        }
    }
    return "-";
}

ParsedRequest parse_request(std::string_view input) {
    ParsedRequest parsed;
    const size_t end = input.substr(0, kRequestHeadMax).find("\r\n\r\n");
    if (end == input.npos) {
        const bool too_long = input.size() >= kRequestHeadMax;
        parsed.state = too_long ? ParseState::kMalformed : ParseState::kIncomplete;
        return parsed;
    }
    parsed.size = end + 4;
    std::string_view head = input.substr(0, end + 2);
    bool good = true;
    for (bool first = true; !head.empty() && good; first = false) {
        const std::string_view line = head.substr(0, head.find("\r\n"));
        head.remove_prefix(line.size() + 2);
        good = first ? read_request_line(line, parsed.request) : read_header(line, parsed.request);
    }
    parsed.state = good ? ParseState::kComplete : ParseState::kMalformed;
    return parsed;
}

std::optional<uint32_t> target_of_path(std::string_view path) {
    constexpr std::string_view kPrefix = "/t/";
    if (!path.starts_with(kPrefix)) {
        return std::nullopt;
    }
    path.remove_prefix(kPrefix.size());
    uint32_t target = 0;
    const auto [end, error] = std::from_chars(path.data(), path.data() + path.size(), target);
    const std::string_view rest = path.substr(static_cast<size_t>(end - path.data()));
    if (error != std::errc() || rest != "/metrics") {
        return std::nullopt;
    }
    return target;
}

}  // namespace bench

// HTTP/1.1 request heads, as far as a scrape target needs them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bench {

// No head may be longer.
inline constexpr size_t kRequestHeadMax = 16 * 1024;

struct Request {
    std::string method;
    std::string path;    // without the query
    std::string query;   // after the "?"
    std::string peer;    // address of who asks: the server's to fill in
    std::string client;  // the query parameter `client`, or "-"
    bool accepts_gzip = false;
    bool close = false;     // HTTP/1.0, or Connection: close
    bool has_body = false;  // Content-Length above zero, or a transfer encoding
};

enum class ParseState : uint8_t { kIncomplete, kComplete, kMalformed };

struct ParsedRequest {
    ParseState state = ParseState::kIncomplete;
    Request request;
    size_t size = 0;  // bytes of the head, to drop from the input
};

// Reads the head at the beginning of input.
[[nodiscard]] ParsedRequest parse_request(std::string_view input);

// A parameter of a query, as it stands there; "-" when there is none.
[[nodiscard]] std::string_view query_parameter(std::string_view query, std::string_view name);

// The i of /t/<i>/metrics.
[[nodiscard]] std::optional<uint32_t> target_of_path(std::string_view path);

}  // namespace bench

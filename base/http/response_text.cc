#include "base/http/response_text.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>

namespace base::http {

namespace {

// IMF-fixdate (RFC 9110 §5.6.7).
std::string date_text(int64_t now_ms) {
    constexpr std::array<const char*, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    constexpr std::array<const char*, 12> kMonths{
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const time_t seconds = now_ms / 1000;
    std::tm t{};
    ::gmtime_r(&seconds, &t);
    std::array<char, 64> text{};
    std::snprintf(text.data(),
                  text.size(),
                  "%s, %02d %s %04d %02d:%02d:%02d GMT",
                  kDays[static_cast<size_t>(t.tm_wday)],
                  t.tm_mday,
                  kMonths[static_cast<size_t>(t.tm_mon)],
                  t.tm_year + 1900,
                  t.tm_hour,
                  t.tm_min,
                  t.tm_sec);
    return text.data();
}

// A line break in a value would be another header; it is left out.
void append_field(std::string& out, std::string_view name, std::string_view value) {
    out.append(name).append(": ");
    std::copy_if(value.begin(), value.end(), std::back_inserter(out), [](char c) {
        return c != '\r' && c != '\n';
    });
    out += "\r\n";
}

}  // namespace

std::string response_head(const Response& response,
                          Framing framing,
                          size_t length,
                          bool keep_alive,
                          bool http_1_0,
                          int64_t now_ms,
                          const Headers& extra) {
    std::string text;
    text.reserve(512);
    const std::string_view reason = reason_phrase(response.status);
    text += http_1_0 ? "HTTP/1.0 " : "HTTP/1.1 ";
    text += std::to_string(response.status) + " ";
    text += reason.empty() ? "status code " + std::to_string(response.status) : std::string(reason);
    text += "\r\n";
    for (const auto& [name, value] : response.headers) {
        append_field(text, name, value);
    }
    for (const auto& [name, value] : extra) {
        if (!response.headers.has(name)) {
            append_field(text, name, value);
        }
    }
    append_field(text, "Date", date_text(now_ms));
    if (framing == Framing::kLength) {
        append_field(text, "Content-Length", std::to_string(length));
    } else if (framing == Framing::kChunked) {
        append_field(text, "Transfer-Encoding", "chunked");
    }
    if (!keep_alive) {
        append_field(text, "Connection", "close");
    } else if (http_1_0) {
        append_field(text, "Connection", "keep-alive");
    }
    text += "\r\n";
    return text;
}

}  // namespace base::http

#include "bench/load/farm/oracle.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <optional>

namespace bench {
namespace {

constexpr std::string_view kExpositionType = "text/plain; version=0.0.4; charset=utf-8";
constexpr std::string_view kJson = "application/json";
constexpr std::string_view kPath = "/t/";
constexpr std::chrono::milliseconds kTick{20};
constexpr int64_t kLateMs = 50;  // less is no news
constexpr size_t kScrapesExpected = 4096;

std::optional<uint32_t> target_of(std::string_view path) {
    if (!path.starts_with(kPath)) {
        return std::nullopt;
    }
    path.remove_prefix(kPath.size());
    uint32_t target = 0;
    const auto [end, error] = std::from_chars(path.data(), path.data() + path.size(), target);
    return error == std::errc() && end == path.data() + path.size() ? std::optional(target)
                                                                    : std::nullopt;
}

int64_t parameter(const Request& request, std::string_view name, int64_t otherwise) {
    const std::string_view text = query_parameter(request.query, name);
    int64_t value = otherwise;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

}  // namespace

Oracle::Oracle(const FarmOptions& options, const base::Clock& clock)
    : options_(options), clock_(clock), scrapes_(options.targets) {
    // Growing takes no time in the middle of a run.
    for (std::vector<Scrape>& one : scrapes_) {
        one.reserve(kScrapesExpected);
    }
}

bool Oracle::is_scrape(const Request& request) const {
    const auto target = target_of(request.path);
    return target && *target < scrapes_.size() && request.method == "GET";
}

std::string_view Oracle::answer(const Request& request) {
    body_.clear();
    if (request.has_body || request.method != "GET") {
        body_ = "only GET without a body\n";
        return finish("405 Method Not Allowed", kExpositionType, true);
    }
    if (is_scrape(request)) {
        write_page(*target_of(request.path), request.peer);
        return finish("200 OK", kExpositionType, request.close);
    }
    const int64_t from_ms = parameter(request, "from", 0);
    const int64_t to_ms = parameter(request, "to", INT64_MAX);
    if (request.path == "/sd") {
        write_discovery();
    } else if (request.path == "/served") {
        write_served(from_ms, to_ms);
    } else if (request.path == "/late") {
        write_late(from_ms, to_ms);
    } else {
        body_ = "paths: /t/<target>, /sd, /served, /late\n";
        return finish("404 Not Found", kExpositionType, request.close);
    }
    return finish("200 OK", kJson, request.close);
}

std::string_view Oracle::refuse(std::string_view status, std::string_view why) {
    body_ = why;
    return finish(status, kExpositionType, /*close=*/true);
}

base::SteadyTime Oracle::tick(base::SteadyTime now) {
    if (due_ == base::SteadyTime{}) {
        due_ = now;
    }
    if (now >= due_) {
        const auto late = std::chrono::duration_cast<std::chrono::milliseconds>(now - due_);
        if (late.count() >= kLateMs) {
            late_.push_back({.ms = clock_.now_ms(), .late_ms = late.count()});
        }
        due_ = now + kTick;
    }
    return due_;
}

std::string_view Oracle::finish(std::string_view status, std::string_view content, bool close) {
    answer_.assign("HTTP/1.1 ").append(status).append("\r\nContent-Type: ").append(content);
    answer_.append("\r\nContent-Length: ").append(std::to_string(body_.size())).append("\r\n");
    answer_.append(close ? "Connection: close\r\n\r\n" : "\r\n").append(body_);
    return answer_;
}

void Oracle::write_page(uint32_t target, const std::string& client) {
    const int64_t now_ms = clock_.now_ms();
    std::vector<Scrape>& scrapes = scrapes_[target];
    scrapes.push_back({.ms = now_ms, .client = client_number(client)});
    char page[256];
    const int size = std::snprintf(page,
                                   sizeof page,
                                   "# TYPE oracle_scrape_number counter\n"
                                   "oracle_scrape_number %zu\n"
                                   "# TYPE oracle_time_seconds gauge\n"
                                   "oracle_time_seconds %lld.%03d\n",
                                   scrapes.size(),
                                   static_cast<long long>(now_ms / 1000),
                                   static_cast<int>(now_ms % 1000));
    body_.assign(page, static_cast<size_t>(size));
}

void Oracle::write_discovery() {
    const std::string address = options_.host + ':' + std::to_string(port_);
    body_ = '[';
    for (size_t target = 0; target < scrapes_.size(); ++target) {
        const std::string number = std::to_string(target);
        body_ += target == 0 ? "" : ",";
        body_ += R"({"targets":[")" + address + R"("],"labels":{"__metrics_path__":")";
        body_.append(kPath).append(number);
        body_ += R"(","instance":"t)" + number + R"(","number":")" + number + "\"}}";
    }
    body_ += "]\n";
}

void Oracle::write_served(int64_t from_ms, int64_t to_ms) {
    body_ = '{';
    for (size_t target = 0; target < scrapes_.size(); ++target) {
        const std::vector<Scrape>& scrapes = scrapes_[target];
        body_ += (body_.size() == 1 ? "\"" : ",\"") + std::to_string(target) + "\":[";
        const auto first = std::ranges::lower_bound(scrapes, from_ms, {}, &Scrape::ms);
        for (auto one = first; one != scrapes.end() && one->ms <= to_ms; ++one) {
            body_ += one == first ? "[" : ",[";
            body_.append(std::to_string(one - scrapes.begin() + 1)).append(",");
            body_.append(std::to_string(one->ms)).append(",\"");
            body_.append(clients_[one->client]).append("\"]");
        }
        body_ += ']';
    }
    body_ += "}\n";
}

void Oracle::write_late(int64_t from_ms, int64_t to_ms) {
    body_ = '[';
    for (const Late& one : late_) {
        if (one.ms >= from_ms && one.ms - one.late_ms <= to_ms) {
            body_ += (body_.size() == 1 ? "[" : ",[") + std::to_string(one.ms) + ',' +
                     std::to_string(one.late_ms) + ']';
        }
    }
    body_ += "]\n";
}

uint32_t Oracle::client_number(const std::string& address) {
    const auto found = std::ranges::find(clients_, address);
    if (found != clients_.end()) {
        return static_cast<uint32_t>(found - clients_.begin());
    }
    clients_.push_back(address);
    return static_cast<uint32_t>(clients_.size() - 1);
}

}  // namespace bench

#include "bench/load/farm/answers.h"

#include <cstring>
#include <ctime>

#include "base/check.h"

namespace bench {
namespace {

// The head is written in front of the body when the body's length is known.
constexpr size_t kHeadRoom = 512;
constexpr std::string_view kExpositionType = "text/plain; version=0.0.4; charset=utf-8";
constexpr std::string_view kPlain = "text/plain; charset=utf-8";
constexpr std::string_view kJson = "application/json";

double cpu_seconds() {
    timespec now{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

}  // namespace

Answers::Answers(const FarmOptions& options, Population& population, const base::Clock& clock)
    : options_(options),
      population_(population),
      clock_(clock),
      buffer_(kHeadRoom + population.body_max()),
      compressed_(options.gzip ? population.size() : 0) {}

bool Answers::is_scrape(const Request& request) const {
    const auto target = target_of_path(request.path);
    return target.has_value() && *target < population_.size() && request.method == "GET";
}

std::string_view Answers::answer(const Request& request) {
    if (request.has_body || request.method != "GET") {
        return small("only GET without a body\n", kPlain, "405 Method Not Allowed", true);
    }
    if (const auto target = target_of_path(request.path);
        target.has_value() && *target < population_.size()) {
        return scrape(*target, request);
    }
    if (request.path == "/stats") {
        return small(statistics(), kJson, "200 OK", request.close);
    }
    if (request.path == "/sd") {
        return small(discovery_json(options_, port_), kJson, "200 OK", request.close);
    }
    return small(
        "paths: /t/<target>/metrics, /sd, /stats\n", kPlain, "404 Not Found", request.close);
}

std::string_view Answers::refuse(std::string_view status, std::string_view why) {
    return small(why, kPlain, status, /*close=*/true);
}

std::string_view Answers::scrape(uint32_t target, const Request& request) {
    const int64_t now_ms = clock_.now_ms();
    const bool zipped = options_.gzip && request.accepts_gzip;
    Exposition& exposition = population_.target(target);
    size_t size = 0;
    char* body = buffer_.data() + kHeadRoom;
    if (zipped) {
        Compressed& kept = compressed_[target];
        if (const int64_t quantum = now_ms / options_.quantum_ms; kept.quantum != quantum) {
            size = static_cast<size_t>(exposition.render(body, now_ms) - body);
            kept.quantum = quantum;
            gzip_.encode(base::ByteView(body, size), kept.body);
        }
        size = kept.body.size();
        SKEIN_CHECK(kHeadRoom + size <= buffer_.size(), "gzip made an exposition longer", size);
        std::memcpy(body, kept.body.data(), size);
    } else {
        size = static_cast<size_t>(exposition.render(body, now_ms) - body);
    }
    count(request.client, exposition.series_count(), size);
    return finish(
        size, kExpositionType, "200 OK", zipped ? "Content-Encoding: gzip\r\n" : "", request.close);
}

std::string_view Answers::small(std::string_view body,
                                std::string_view content,
                                std::string_view status,
                                bool close) {
    if (buffer_.size() < kHeadRoom + body.size()) {
        buffer_.resize(kHeadRoom + body.size());
    }
    std::memcpy(buffer_.data() + kHeadRoom, body.data(), body.size());
    return finish(body.size(), content, status, "", close);
}

std::string_view Answers::finish(size_t body_size,
                                 std::string_view content,
                                 std::string_view status,
                                 std::string_view encoding,
                                 bool close) {
    char head[kHeadRoom];
    const int length =
        std::snprintf(head,
                      sizeof head,
                      "HTTP/1.1 %.*s\r\nContent-Type: %.*s\r\n%.*sContent-Length: %zu\r\n%s\r\n",
                      static_cast<int>(status.size()),
                      status.data(),
                      static_cast<int>(content.size()),
                      content.data(),
                      static_cast<int>(encoding.size()),
                      encoding.data(),
                      body_size,
                      close ? "Connection: close\r\n" : "");
    SKEIN_CHECK(length > 0 && static_cast<size_t>(length) < kHeadRoom, "heads are short", length);
    const auto size = static_cast<size_t>(length);
    char* start = buffer_.data() + kHeadRoom - size;
    std::memcpy(start, head, size);
    return {start, size + body_size};
}

void Answers::count(const std::string& client, uint32_t samples, size_t bytes) {
    auto at = clients_.find(client);
    if (at == clients_.end()) {
        at = clients_.try_emplace(clients_.size() < kClientsMax ? client : "-").first;
    }
    for (Served* served : {&at->second, &total_}) {
        ++served->requests;
        served->samples += samples;
        served->bytes += bytes;
    }
}

std::string Answers::statistics() const {
    const auto counts = [](const Served& served) {
        return "\"requests\":" + std::to_string(served.requests) +
               ",\"samples\":" + std::to_string(served.samples) +
               ",\"bytes\":" + std::to_string(served.bytes);
    };
    std::string json = "{\"targets\":" + std::to_string(population_.size()) +
                       ",\"series_per_target\":" + std::to_string(options_.series) +
                       ",\"connections\":" + std::to_string(connections_) +
                       ",\"cpu_seconds\":" + std::to_string(cpu_seconds()) + ',' + counts(total_) +
                       ",\"clients\":{";
    const char* separator = "";
    for (const auto& [name, served] : clients_) {
        json += separator + ('"' + name) + "\":{" + counts(served) + '}';
        separator = ",";
    }
    return json + "}}\n";
}

}  // namespace bench

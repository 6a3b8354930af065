#include "scrape/fetcher.h"

#include <algorithm>
#include <string>

#include "scrape/negotiate.h"

namespace scrape {
namespace {

// Compressed bytes may exceed the page by the framing; the page's own length is checked after.
constexpr size_t kWireSlack = 1024;
// Room for a decoded page that does not tell its length.
constexpr size_t kFirstPage = size_t{64} << 10;

base::http::Headers request_headers(const std::string& accept,
                                    const model::Target& target,
                                    const JobOptions& job) {
    base::http::Headers headers;
    headers.add("Accept", accept);
    headers.add("Accept-Encoding", job.enable_compression ? "gzip" : "identity");
    headers.add("X-Prometheus-Scrape-Timeout-Seconds", timeout_header(target.timeout));
    return headers;
}

// What a gzip body says of its own decoded length (RFC 1952, ISIZE): a hint, nothing more.
size_t told_length(std::string_view body) {
    if (body.size() < 4) {
        return 0;
    }
    size_t length = 0;
    for (size_t i = 0; i < 4; ++i) {
        length |= static_cast<size_t>(static_cast<unsigned char>(body[body.size() - 4 + i]))
                  << (8 * i);
    }
    return length <= kPageMax / 8 ? length + 1 : kFirstPage;
}

}  // namespace

base::Result<std::unique_ptr<Fetcher>> Fetcher::create(base::http::ClientShared& shared,
                                                       base::Lane& lane,
                                                       const model::Target& target,
                                                       const JobOptions& job) {
    TRY(const std::string accept, accept_header(job.protocols, job.escaping_scheme));
    TRY(base::http::Url url, base::http::Url::parse(target.url));
    if (!target.unix_socket.empty()) {
        url.host = target.unix_socket;
        url.port = 0;
    }
    TRY(auto connection,
        base::http::ClientConnection::create(
            shared, lane, std::move(url), job.client, request_headers(accept, target, job)));
    return std::unique_ptr<Fetcher>(new Fetcher(std::move(connection), job));
}

Fetcher::Fetcher(std::unique_ptr<base::http::ClientConnection> connection, const JobOptions& job)
    : connection_(std::move(connection)) {
    set_limits(job);
}

void Fetcher::set_limits(const JobOptions& job) {
    body_size_limit_ = job.limits.body_size_bytes;
    fallback_ = job.fallback_protocol;
}

size_t Fetcher::limit() const {
    return body_size_limit_ > 0 ? std::min<size_t>(body_size_limit_, kPageMax) : kPageMax;
}

base::Error Fetcher::over_limit() {
    over_body_limit_ = true;
    if (body_size_limit_ > 0) {
        return base::Error(base::Code::kLimit, "body size limit exceeded");
    }
    return base::Error(base::Code::kLimit,
                       "body size limit exceeded: the page is longer than 512 MiB");
}

base::Task<FetchedPage> Fetcher::fetch(base::Deadline deadline,
                                       ScrapeBuffers& buffers,
                                       base::Gunzip& gunzip) {
    over_body_limit_ = false;
    // What the buffers hold already; what they grow by is charged as they grow.
    CO_TRY(buffers.memory.grow(
        static_cast<int64_t>(buffers.body.capacity() + buffers.page.capacity())));
    base::http::SendOptions options;
    options.deadline = deadline;
    options.body_limit = limit() + kWireSlack;
    options.memory = &buffers.memory;
    const base::Status got = co_await connection_->get(options, head_, buffers.body);
    if (!got) {
        co_return base::fail(refused(buffers, got.error()));
    }
    if (head_.status != 200) {
        std::string status = std::to_string(head_.status);
        status += head_.reason.empty() ? "" : " " + head_.reason;
        co_return base::fail(base::Code::kUnavailable, "server returned HTTP status", status);
    }
    auto page = decode(buffers, gunzip);
    if (!page) {
        co_return base::fail(refused(buffers, page.error()));
    }
    FetchedPage fetched;
    fetched.page = page.value();
    if (!fetched.page.empty()) {
        const auto format = choose_format(head_.content_type, fallback_);
        if (!format) {
            co_return base::fail(format.error());
        }
        fetched.format = format.value();
    }
    co_return fetched;
}

// The text for a body that is too long, by its own limit or by the budget of all scrapes.
base::Error Fetcher::refused(ScrapeBuffers& buffers, const base::Error& error) {
    buffers.body = {};
    buffers.page = {};
    buffers.memory.reset();
    const bool budget = error.message().starts_with("memory limit");
    if (error.code() != base::Code::kLimit) {
        return error;
    }
    if (budget) {
        over_body_limit_ = true;
        return base::Error(
            base::Code::kLimit,
            "body size limit exceeded: no memory for the page, set body_size_limit: " +
                error.message());
    }
    return over_limit();
}

// A compressed page tells its length in its last bytes: room for so much is accounted first. A page
// that turns out longer is decoded again with twice the room, so that a bomb costs what the budget
// allows and no more.
base::Result<std::string_view> Fetcher::decode(ScrapeBuffers& buffers, base::Gunzip& gunzip) {
    if (head_.content_encoding != "gzip") {
        if (buffers.body.size() >= limit()) {
            return base::fail(over_limit());
        }
        return std::string_view(buffers.body);
    }
    size_t room = std::min(
        limit() - 1, std::max({told_length(buffers.body), buffers.page.capacity(), kFirstPage}));
    while (true) {
        if (room > buffers.page.capacity()) {
            TRY(buffers.memory.grow(static_cast<int64_t>(room - buffers.page.capacity())));
            buffers.page.clear();
            buffers.page.reserve(room);
        }
        base::Status decoded = gunzip.decode(buffers.body, room, buffers.page);
        if (decoded) {
            return std::string_view(buffers.page);
        }
        if (decoded.error().code() != base::Code::kLimit || room >= limit() - 1) {
            return base::fail(std::move(decoded).error());
        }
        room = std::min(limit() - 1, 2 * room);
    }
}

}  // namespace scrape

#include "scrape/fetcher.h"

#include <algorithm>
#include <string>

#include "scrape/negotiate.h"

namespace scrape {
namespace {

// Compressed bytes may exceed the page by the framing; the page's own length is checked after.
constexpr size_t kWireSlack = 1024;
// A scrape may always take this much, however full the budget is.
constexpr size_t kBudgetFloor = size_t{1} << 20;

base::http::Headers request_headers(const std::string& accept,
                                    const model::Target& target,
                                    const JobOptions& job) {
    base::http::Headers headers;
    headers.add("Accept", accept);
    headers.add("Accept-Encoding", job.enable_compression ? "gzip" : "identity");
    headers.add("X-Prometheus-Scrape-Timeout-Seconds", timeout_header(target.timeout));
    return headers;
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

size_t Fetcher::limit_within(const base::Budget& budget) const {
    size_t limit = body_size_limit_ > 0 ? std::min<size_t>(body_size_limit_, kPageMax) : kPageMax;
    if (budget.limit() != base::Budget::kUnlimited) {
        const int64_t room = budget.limit() - budget.used();
        limit = std::min(limit,
                         std::max(kBudgetFloor, static_cast<size_t>(std::max<int64_t>(room, 0))));
    }
    return limit;
}

base::Error Fetcher::over_limit() {
    over_body_limit_ = true;
    if (body_size_limit_ > 0) {
        return base::Error(base::Code::kLimit, "body size limit exceeded");
    }
    return base::Error(base::Code::kLimit,
                       "body size limit exceeded: the page is longer than 512 MiB or than the "
                       "memory budget for scraping has room for; set body_size_limit");
}

base::Task<FetchedPage> Fetcher::fetch(base::Deadline deadline,
                                       ScrapeBuffers& buffers,
                                       base::Budget& budget,
                                       base::Gunzip& gunzip) {
    over_body_limit_ = false;
    const size_t limit = limit_within(budget);
    base::http::SendOptions options;
    options.deadline = deadline;
    options.body_limit = limit + kWireSlack;
    const base::Status got = co_await connection_->get(options, head_, buffers.body);
    if (!got) {
        if (got.error().code() == base::Code::kLimit) {
            co_return base::fail(over_limit());
        }
        co_return base::fail(got.error());
    }
    if (head_.status != 200) {
        std::string status = std::to_string(head_.status);
        status += head_.reason.empty() ? "" : " " + head_.reason;
        co_return base::fail(base::Code::kUnavailable, "server returned HTTP status", status);
    }
    auto page = decode(buffers, limit, gunzip);
    if (!page) {
        co_return base::fail(std::move(page).error());
    }
    const base::Status reserved = buffers.memory.grow(
        static_cast<int64_t>(buffers.body.capacity() + buffers.page.capacity()));
    if (!reserved) {
        buffers.body = {};
        buffers.page = {};
        co_return base::fail(reserved.error());
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

base::Result<std::string_view> Fetcher::decode(ScrapeBuffers& buffers,
                                               size_t limit,
                                               base::Gunzip& gunzip) {
    if (head_.content_encoding != "gzip") {
        if (buffers.body.size() >= limit) {
            return base::fail(over_limit());
        }
        return std::string_view(buffers.body);
    }
    const base::Status decoded = gunzip.decode(buffers.body, limit - 1, buffers.page);
    if (!decoded) {
        if (decoded.error().code() == base::Code::kLimit) {
            buffers.page = {};
            return base::fail(over_limit());
        }
        return base::fail(decoded.error());
    }
    return std::string_view(buffers.page);
}

}  // namespace scrape

// Gets a target's page: one keep-alive connection, Prometheus' headers, bounded bodies.
#pragma once

#include <memory>
#include <string_view>

#include "base/async/lane.h"
#include "base/compress.h"
#include "base/http/client.h"
#include "model/target.h"
#include "scrape/buffers.h"
#include "scrape/options.h"
#include "scrape/parse/parser.h"

namespace scrape {

// The longest page when the job sets no body_size_limit: a bomb must not take the memory of all.
inline constexpr size_t kPageMax = size_t{512} << 20;

struct FetchedPage {
    Format format = Format::kText;
    std::string_view page;  // in the buffers
};

// Threads: the lane. One fetch at a time.
class Fetcher {
  public:
    // errors  those of ClientConnection::create; kUnsupported: the job asks for protobuf only
    [[nodiscard]] static base::Result<std::unique_ptr<Fetcher>> create(
        base::http::ClientShared& shared,
        base::Lane& lane,
        const model::Target& target,
        const JobOptions& job);

    // Errors in Prometheus' words. `gunzip` is used without suspending in between.
    //   errors  kLimit: the body or the memory budget; then over_body_limit() tells which
    [[nodiscard]] base::Task<FetchedPage> fetch(base::Deadline deadline,
                                                ScrapeBuffers& buffers,
                                                base::Gunzip& gunzip);

    // The fetch that is under way ends as if its deadline had come.
    void expire() { connection_->expire(); }

    // Whether the last fetch ended at body_size_limit.
    [[nodiscard]] bool over_body_limit() const { return over_body_limit_; }

    // A job's options that do not change the connection.
    void set_limits(const JobOptions& job);

  private:
    Fetcher(std::unique_ptr<base::http::ClientConnection> connection, const JobOptions& job);

    [[nodiscard]] base::Result<std::string_view> decode(ScrapeBuffers& buffers,
                                                        base::Gunzip& gunzip);
    [[nodiscard]] base::Error over_limit();
    [[nodiscard]] base::Error refused(ScrapeBuffers& buffers, const base::Error& error);
    [[nodiscard]] size_t limit() const;

    std::unique_ptr<base::http::ClientConnection> connection_;
    base::http::ResponseHead head_;
    uint64_t body_size_limit_ = 0;
    std::optional<ScrapeProtocol> fallback_;
    bool over_body_limit_ = false;
};

}  // namespace scrape

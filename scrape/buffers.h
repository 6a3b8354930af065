// The buffers of scrapes under way. A lane keeps a few; a target at rest has none.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/budget.h"
#include "scrape/session.h"

namespace scrape {

// One scrape's memory: the body as it came, the page, the batch.
struct ScrapeBuffers {
    explicit ScrapeBuffers(base::Budget& budget) : memory(budget) {}

    std::string body;
    std::string page;  // of a compressed body
    StagedScrape staged;
    base::Reservation memory;  // for body and page
};

// Threads: the lane.
class BufferPool {
  public:
    // Kept between scrapes, in buffers and in bytes of all of them.
    static constexpr size_t kBuffersKept = 16;
    static constexpr size_t kBytesKept = size_t{4} << 20;

    explicit BufferPool(base::Budget& budget) : budget_(budget) {}

    ~BufferPool();
    BufferPool(const BufferPool&) = delete;
    BufferPool& operator=(const BufferPool&) = delete;

    [[nodiscard]] std::unique_ptr<ScrapeBuffers> take();
    void give_back(std::unique_ptr<ScrapeBuffers> buffers);

    [[nodiscard]] base::Budget& budget() { return budget_; }

  private:
    base::Budget& budget_;
    std::vector<std::unique_ptr<ScrapeBuffers>> kept_;
    size_t kept_bytes_ = 0;
};

}  // namespace scrape

// Hidden: scrape_test "[.bench]" prints nanoseconds per line of a page that has not changed.
#include <iostream>

#include <catch2/catch.hpp>
#include <time.h>

#include "scrape/session.h"

namespace {

// Takes everything in and keeps nothing.
class NullAppender final : public model::Appender {
  public:
    [[nodiscard]] base::Result<model::SeriesHandle> resolve(const model::Labels& /*labels*/,
                                                            uint64_t /*hash*/,
                                                            bool* /*created*/) override {
        return model::SeriesHandle{next_++, 1};
    }

    void commit(model::AppendBatch&& batch, model::CommitListener& /*listener*/) override {
        batch.clear();
    }

  private:
    uint32_t next_ = 0;
};

// Of this thread: other work on the machine does not count.
double cpu_ns() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

std::string page_of(int lines, uint64_t round) {
    std::string page;
    for (int line = 0; line < lines; ++line) {
        if (line % 10 == 0) {
            page += "# HELP some_exporter_family_" + std::to_string(line / 10) +
                    "_total Some text that says what this counts.\n# TYPE some_exporter_family_" +
                    std::to_string(line / 10) + "_total counter\n";
        }
        page +=
            "some_exporter_family_" + std::to_string(line / 10) +
            "_total{namespace=\"production\",pod=\"api-server-6d4cf56db6-x2x7q\",container=\"api\","
            "method=\"GET\",path=\"/api/v1/resource\",code=\"" +
            std::to_string(200 + line % 10) + "\"} " +
            (line % 3 == 0
                 ? std::to_string(line * 1000 + round)
                 : std::to_string(static_cast<double>(line) * 1.25 + static_cast<double>(round))) +
            "\n";
    }
    return page;
}

}  // namespace

TEST_CASE("session hot path", "[.bench]") {
    for (const int lines : {100, 1000, 10000}) {
        base::Registry registry;
        scrape::Metrics metrics(registry);
        scrape::MetadataPool pool(nullptr);
        scrape::LaneScratch scratch{scrape::LineKey{}};
        auto target = std::make_shared<model::Target>();
        target->labels = {{"instance", "i"}, {"job", "j"}};
        scrape::ScrapeSession session(target,
                                      std::make_shared<scrape::JobOptions>(),
                                      std::make_unique<NullAppender>(),
                                      scratch,
                                      pool,
                                      metrics,
                                      base::Logger());
        scrape::StagedScrape staged;
        const std::string pages[2] = {page_of(lines, 1), page_of(lines, 2)};
        const auto scrape_once = [&](int64_t round) {
            session.begin(staged, round * 1000, round * 1000);
            session.open(scrape::Format::kText, pages[round % 2]);
            while (!session.advance(1 << 20)) {
            }
            session.finish(0.1, 1);
            session.settle();
        };
        const double first = cpu_ns();
        scrape_once(0);
        const double start = cpu_ns();
        const int rounds = 2'000'000 / lines;
        for (int round = 1; round <= rounds; ++round) {
            scrape_once(round);
        }
        const double took = cpu_ns() - start;
        const double fresh = start - first;
        std::cerr << lines << " lines, " << pages[0].size() / static_cast<size_t>(lines)
                  << " bytes each: " << took / rounds / lines << " ns per line, new lines "
                  << fresh / lines << " ns, cache "
                  << session.cache().bytes() / session.cache().size() << " bytes per series\n";
        CHECK_FALSE(session.totals().error.has_value());
    }
}

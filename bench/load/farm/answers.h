// What the farm answers, apart from sockets: expositions, discovery and its own statistics.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/compress.h"
#include "bench/load/farm/pages.h"
#include "bench/load/farm/population.h"

namespace bench {

// Clients counted apart in /stats; the ones after that are counted as "-".
inline constexpr size_t kClientsMax = 16;

// Threads: one.
class Answers final : public Pages {
  public:
    // All borrowed, outliving this.
    Answers(const FarmOptions& options, Population& population, const base::Clock& clock);

    void set_port(uint16_t port) override { port_ = port; }

    [[nodiscard]] bool is_scrape(const Request& request) const override;
    [[nodiscard]] std::string_view answer(const Request& request) override;
    [[nodiscard]] std::string_view refuse(std::string_view status, std::string_view why) override;

    // Shown in /stats.
    void set_connections(size_t count) override { connections_ = count; }

    [[nodiscard]] base::SteadyTime tick(base::SteadyTime /*now*/) override {
        return base::SteadyTime::max();
    }

  private:
    struct Served {
        uint64_t requests = 0;
        uint64_t samples = 0;
        uint64_t bytes = 0;  // of bodies, as sent
    };

    // A body compressed for one quantum.
    struct Compressed {
        int64_t quantum = -1;
        std::string body;
    };

    std::string_view scrape(uint32_t target, const Request& request);
    std::string_view finish(size_t body_size,
                            std::string_view content,
                            std::string_view status,
                            std::string_view encoding,
                            bool close);
    std::string_view small(std::string_view body,
                           std::string_view content,
                           std::string_view status,
                           bool close);
    void count(const std::string& client, uint32_t samples, size_t bytes);
    [[nodiscard]] std::string statistics() const;

    const FarmOptions& options_;
    Population& population_;
    const base::Clock& clock_;
    uint16_t port_ = 0;
    size_t connections_ = 0;
    std::vector<char> buffer_;  // room for the head, then the body
    base::GzipEncoder gzip_;
    std::vector<Compressed> compressed_;  // by target; empty without --gzip
    std::map<std::string, Served> clients_;
    Served total_;
};

}  // namespace bench

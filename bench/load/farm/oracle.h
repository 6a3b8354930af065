// Targets that know how they were scraped: what servers stored can be held against what was served.
// Speaks as examples/cluster/synthetic_targets.py does, for many targets beside a busy machine.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "bench/load/farm/options.h"
#include "bench/load/farm/pages.h"

namespace bench {

// A target's page counts its scrapes from 1. What is answered:
//   /t/N                    the page of target N
//   /sd                     all targets, for http_sd_configs
//   /served?from=MS&to=MS   {"N": [[number, ms, client], …]}, clients by address
//   /late?from=MS&to=MS     [[ms, late_ms], …]: when this program itself did not run in time
class Oracle final : public Pages {
  public:
    // Both borrowed, outliving this.
    Oracle(const FarmOptions& options, const base::Clock& clock);

    [[nodiscard]] bool is_scrape(const Request& request) const override;
    [[nodiscard]] std::string_view answer(const Request& request) override;
    [[nodiscard]] std::string_view refuse(std::string_view status, std::string_view why) override;

    void set_port(uint16_t port) override { port_ = port; }

    void set_connections(size_t /*count*/) override {}

    [[nodiscard]] base::SteadyTime tick(base::SteadyTime now) override;

  private:
    struct Scrape {
        int64_t ms = 0;
        uint32_t client = 0;  // place in clients_
    };

    struct Late {
        int64_t ms = 0;       // when it ran at last
        int64_t late_ms = 0;  // so long after it was to
    };

    std::string_view finish(std::string_view status, std::string_view content, bool close);
    void write_page(uint32_t target, const std::string& client);
    void write_discovery();
    void write_served(int64_t from_ms, int64_t to_ms);
    void write_late(int64_t from_ms, int64_t to_ms);
    [[nodiscard]] uint32_t client_number(const std::string& address);

    const FarmOptions& options_;
    const base::Clock& clock_;
    uint16_t port_ = 0;
    std::vector<std::vector<Scrape>> scrapes_;  // by target; the n-th at n - 1
    std::vector<std::string> clients_;          // addresses, in the order of their first scrape
    std::vector<Late> late_;
    base::SteadyTime due_{};
    std::string body_, answer_;
};

}  // namespace bench

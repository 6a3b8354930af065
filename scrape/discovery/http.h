// Targets that a web server lists.
// source: Prometheus configuration, http_sd_config
#pragma once

#include <string>

#include "base/async/task_group.h"
#include "base/http/client.h"
#include "base/log.h"
#include "scrape/discovery/groups.h"
#include "scrape/metrics.h"
#include "scrape/options.h"

namespace scrape {

// Asks at every refresh interval; what is no good answer leaves the list as it was.
//   threads   start(), stop() and destruction anywhere but on the lane, where the listener is
//             called
class HttpSource final : public model::GroupSource {
  public:
    HttpSource(HttpDiscoveryOptions options,
               base::Lane& lane,
               base::http::ClientShared& client,
               Metrics& metrics,
               std::string job,
               base::Logger log);
    ~HttpSource() override;  // stop()

    void start(model::GroupListener& listener) override;
    void stop() override;

    [[nodiscard]] std::string mechanism() const override { return "http"; }

  private:
    [[nodiscard]] base::Task<void> run(model::GroupListener* listener);
    [[nodiscard]] base::Task<std::vector<model::TargetGroup>> refresh();

    const HttpDiscoveryOptions options_;
    base::Lane& lane_;
    Metrics& metrics_;
    const std::string job_;
    const base::Logger log_;
    base::http::Client client_;
    base::TaskGroup tasks_;  // last
};

}  // namespace scrape

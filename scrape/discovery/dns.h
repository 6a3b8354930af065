// Targets that DNS records name.
// source: Prometheus configuration, dns_sd_config
#pragma once

#include <map>
#include <string>
#include <thread>
#include <vector>

#include "base/log.h"
#include "model/target.h"
#include "scrape/discovery/dns_lookup.h"
#include "scrape/metrics.h"
#include "scrape/options.h"

namespace scrape {

// Looks all names up at every refresh interval; each makes one group, whose source is the name. A
// name that cannot be looked up keeps the group it had; one that does not exist, or has no such
// records, has a group without targets.
//   threads   one of its own, from start() to stop(); the listener is called there
class DnsSource final : public model::GroupSource {
  public:
    DnsSource(DnsDiscoveryOptions options,
              Metrics& metrics,
              std::string job,
              base::Logger log,
              DnsResolver resolver = {});
    ~DnsSource() override;  // stop()

    void start(model::GroupListener& listener) override;
    void stop() override;

    [[nodiscard]] std::string mechanism() const override { return "dns"; }

  private:
    void run(model::GroupListener& listener);
    // Looks all names up; returns whether any group differs from before.
    bool refresh();
    // Says once that a name fails, and once that it is well again.
    void note(const std::string& name, const DnsAnswer& answer, size_t& logged);

    const DnsDiscoveryOptions options_;
    Metrics& metrics_;
    const std::string job_;
    const base::Logger log_;
    const DnsResolver resolver_;
    const DnsStop stop_;
    // The thread's: by name, and what is wrong with a name.
    std::map<std::string, model::TargetGroup> groups_;
    std::map<std::string, std::string> failing_;
    std::thread thread_;
};

}  // namespace scrape

// Finds the targets of all jobs: runs their sources, resolves what they say, tells one listener.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"
#include "base/http/client.h"
#include "base/log.h"
#include "base/sync.h"
#include "model/target.h"
#include "scrape/discovery/groups.h"
#include "scrape/metrics.h"
#include "scrape/options.h"

namespace scrape {

// What sources are made of. Everything is borrowed and outlives them.
struct SourceParts {
    base::Lane& lane;  // for HTTP; any that runs
    base::http::ClientShared& client;
    base::Files& files;
    ParseYamlGroups parse_yaml;
    Metrics& metrics;
    base::Logger log;
};

// The sources of one configuration, for jobs, Alertmanagers and endpoints alike. `config` names
// their owner in metrics. What this build does not carry out is logged and counted.
[[nodiscard]] std::vector<std::unique_ptr<model::GroupSource>> make_sources(
    const DiscoveryOptions& options, const std::string& config, const SourceParts& parts);

// Targets of one node's own discovery, resolved.
//   threads   any; the listener is called on a thread of its own, one call at a time
//   pace      a job is told at once when all its sources have spoken for the first time, and again
//             at most once per discovery_reload_interval
class Discovery final : public model::TargetSet {
  public:
    Discovery(SourceParts parts, std::chrono::milliseconds reload_interval);
    ~Discovery();  // stop()
    Discovery(const Discovery&) = delete;
    Discovery& operator=(const Discovery&) = delete;

    // At start and at every reload. Sources whose options are the same go on.
    void apply(const Options& options) EXCLUDES_LOCK(mutex_);
    void listen(model::TargetListener* listener) override EXCLUDES_LOCK(mutex_);
    void stop() EXCLUDES_LOCK(mutex_);

  private:
    class Job;
    using Clock = std::chrono::steady_clock;

    void run() EXCLUDES_LOCK(mutex_);
    [[nodiscard]] bool resolve_next() REQUIRES_LOCK(telling_) EXCLUDES_LOCK(mutex_);
    // The job that may be resolved now, or null and when to look again.
    [[nodiscard]] Job* due(Clock::time_point now, Clock::time_point& again) REQUIRES_LOCK(mutex_);
    void resolve(Job& job) EXCLUDES_LOCK(mutex_);
    void groups_changed(Job& job, size_t source, std::vector<model::TargetGroup> groups)
        EXCLUDES_LOCK(mutex_);

    const SourceParts parts_;
    const std::chrono::milliseconds reload_interval_;
    base::Mutex applying_;  // held by apply() and stop(): one at a time
    base::Mutex telling_;   // held while the listener is told
    base::Mutex mutex_;
    base::CondVar changed_;
    std::map<std::string, std::unique_ptr<Job>> jobs_ GUARDED_BY(mutex_);
    model::TargetListener* listener_ GUARDED_BY(mutex_) = nullptr;
    bool stopping_ GUARDED_BY(mutex_) = false;
    std::thread thread_;
};

}  // namespace scrape

// Scrapes the targets it is told of: spreads them over the lanes, hands reloads on, answers for
// their state.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/async/runtime.h"
#include "base/budget.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/random.h"
#include "base/sync.h"
#include "model/metadata.h"
#include "model/scrape_listener.h"
#include "model/storage.h"
#include "model/target.h"
#include "scrape/loop_set.h"
#include "scrape/metrics.h"

namespace scrape {

// A target and how its last scrape went.
struct TargetView {
    std::string job;
    std::shared_ptr<const model::Target> target;
    TargetStatus status;
    size_t series = 0;
};

// What one target says of its metrics.
struct TargetMetadata {
    std::shared_ptr<const model::Target> target;
    std::vector<SharedMetadata> metadata;
};

//   threads   any; not on a lane of the runtime
//   lifetime  everything given is borrowed and outlives the manager; stop() comes before the lanes
//             stop
class Manager final : public model::TargetListener {
  public:
    struct Parts {
        model::Appendable& storage;
        base::Runtime& runtime;  // ticked lanes, started
        base::http::ClientShared& client;
        Metrics& metrics;
        base::Budget& budget;
        model::MetadataStore* metadata = nullptr;  // null: metadata is not kept over restarts
        base::Random& random;
        base::Logger log;
        model::ScrapeListener* listener = nullptr;  // null: nobody is told how scrapes went
    };

    Manager(EngineOptions engine, Parts parts);
    ~Manager();  // stop()
    Manager(const Manager&) = delete;
    Manager& operator=(const Manager&) = delete;

    // How to scrape, at start and at every reload. Jobs that are gone end; where only interval,
    // timeout, limits or the HTTP client change, caches stay.
    void apply(const Options& options) EXCLUDES_LOCK(mutex_);

    // What to scrape: from discovery on one node, from the cluster's assignment otherwise.
    void targets_changed(std::shared_ptr<const model::ResolvedJob> job) override
        EXCLUDES_LOCK(mutex_);

    // Ends every loop at once, without stale markers; what was handed to the storage is waited for.
    void stop() EXCLUDES_LOCK(mutex_);

    // Sorted by job, then by labels.
    [[nodiscard]] std::vector<TargetView> targets() const;
    // What was resolved last, by job: for dropped targets.
    [[nodiscard]] std::map<std::string, std::shared_ptr<const model::ResolvedJob>> resolved() const
        EXCLUDES_LOCK(mutex_);
    [[nodiscard]] std::vector<TargetMetadata> metadata() const;
    // Names of the configured jobs, sorted.
    [[nodiscard]] std::vector<std::string> jobs() const EXCLUDES_LOCK(mutex_);

    // Everything known of metrics beyond this node's targets; null: nothing.
    [[nodiscard]] const model::MetadataStore* metadata_store() const { return parts_.metadata; }

  private:
    struct Job {
        std::shared_ptr<const JobOptions> options;           // null: not configured (any more)
        std::shared_ptr<const model::ResolvedJob> resolved;  // null: not known yet
    };

    void send(const std::string& name, const Job& job) REQUIRES_LOCK(mutex_);
    void send_to_lanes(const LaneJob& job) REQUIRES_LOCK(mutex_);
    void visit(const std::function<void(const std::string&, const Loop&)>& see) const;

    const EngineOptions engine_;
    const Parts parts_;
    MetadataPool metadata_pool_;
    FirstScrapes first_scrapes_;
    std::vector<std::unique_ptr<LoopSet>> lanes_;
    mutable base::Mutex mutex_;
    std::map<std::string, Job> jobs_ GUARDED_BY(mutex_);
    uint64_t offset_seed_ GUARDED_BY(mutex_) = 0;
    bool stopped_ GUARDED_BY(mutex_) = false;
    mutable base::Mutex visiting_;  // held while lanes are asked, so that stop() waits
};

}  // namespace scrape

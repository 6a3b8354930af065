// What a node of a cluster scrapes: between its session with the leader, which says which targets
// it holds, and its scraper, which says how they do.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "base/sync.h"
#include "model/scrape_listener.h"
#include "model/target.h"
#include "shard/assigned/job_lists.h"
#include "shard/assigned/scrape_loads.h"
#include "shard/session/loads.h"
#include "shard/session/worker.h"

namespace shard {

// Targets keep the cluster's id (docs/placement.md, "Targets"), so that every node scrapes them at
// the same moment. Their loads are of the scrapes since they were last begun.
//   threads  hold(), release(), lease(), settle(), tell() and totals() on one, the cluster's;
//            scraped() on any lane; the rest on any
class AssignedTargets final : public HoldingsListener,
                              public LoadSource,
                              public model::TargetSet,
                              public model::ScrapeListener {
  public:
    struct Parts {
        // The node as a whole. Called by totals().
        std::function<Totals()> totals;
        // How scrapes of targets held as incoming went. Called on their lanes: post onwards, to
        // Worker::scraped().
        std::function<void(const model::ScrapeOutcome&)> incoming;
    };

    explicit AssignedTargets(Parts parts) : parts_(std::move(parts)) {}

    AssignedTargets(const AssignedTargets&) = delete;
    AssignedTargets& operator=(const AssignedTargets&) = delete;

    // --- HoldingsListener: takes effect with the next tell() ---
    void hold(const AssignedTarget& target) override EXCLUDES_LOCK(mutex_);
    void release(model::TargetId id, ReleaseReason reason) override EXCLUDES_LOCK(mutex_);
    void lease(base::SteadyTime until) override;

    void settle() override EXCLUDES_LOCK(telling_, mutex_) { tell(); }

    // Tells the listener of every job that changed since, once. A job that lost its last target is
    // told with an empty list, and then forgotten.
    void tell() EXCLUDES_LOCK(telling_, mutex_);

    // --- LoadSource ---
    [[nodiscard]] Totals totals() const override { return parts_.totals(); }

    void for_each_load(const std::function<void(const TargetLoad&)>& visit) const override {
        loads_.for_each(visit);
    }

    // --- TargetSet: the listener does not call back ---
    void listen(model::TargetListener* listener) override EXCLUDES_LOCK(telling_, mutex_);

    // --- ScrapeListener ---
    void scraped(const model::ScrapeOutcome& outcome) override;

    // Everything held, in no order. No lock is held while `visit` runs.
    void for_each(const std::function<void(const AssignedTarget&)>& visit) const
        EXCLUDES_LOCK(mutex_);

  private:
    [[nodiscard]] std::shared_ptr<const model::Target> make_target(
        const AssignedTarget& assigned) const;

    const Parts parts_;
    const std::shared_ptr<model::ScrapeEnd> lease_ = std::make_shared<model::ScrapeEnd>(0);
    ScrapeLoads loads_;
    base::Mutex telling_;  // held while the listener is told, so that the latest list comes last
    mutable base::Mutex mutex_;
    std::unordered_map<model::TargetId, AssignedTarget> held_ GUARDED_BY(mutex_);
    JobLists lists_ GUARDED_BY(mutex_);
    std::map<std::string, std::shared_ptr<const model::ResolvedJob>> told_ GUARDED_BY(mutex_);
    model::TargetListener* listener_ GUARDED_BY(mutex_) = nullptr;
};

}  // namespace shard

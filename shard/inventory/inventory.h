// What a voter discovered: for the planner, and for telling nodes what they scrape.
// source: docs/placement.md, "Targets"
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "model/target.h"
#include "shard/inventory/inventory_change.h"
#include "shard/inventory/target_key.h"
#include "shard/session/messages.h"
#include "shard/types.h"

namespace shard {

// A job that had many targets and suddenly has none: its discovery is more likely broken.
struct HoldOptions {
    size_t more_than = 10;                    // targets that it had
    std::chrono::milliseconds time{120'000};  // that it keeps them, from when it lost them
};

struct InventoryOptions {
    HoldOptions hold;
    std::chrono::milliseconds first_reports{60'000};  // that all jobs have for their first report
    size_t targets_max = kTargetsMax;                 // of all jobs
    model::TargetId (*key)(const model::Target&) = target_key;
};

struct JobInventory {
    std::string job;
    size_t targets = 0;
    size_t left_out = 0;             // beyond InventoryOptions::targets_max
    size_t duplicates = 0;           // another target has the same id
    size_t too_large = 0;            // beyond kTargetBytesMax
    bool reported = false;           // its discovery has spoken since the job was configured
    bool held = false;               // has none any more, keeps them for a while
    bool over_target_limit = false;  // of its configuration
    std::string problem;             // why none of its targets is taken; usually empty
};

// Ids and targets of all jobs, by job.
//   rules    a report replaces the job's targets, but for HoldOptions; an id belongs to the job
//            that had it first; jobs that were configured first have targets first when there are
//            too many
//   memory   32 bytes per target and an index entry (19 to 39 bytes); labels and URLs are those of
//            the discovered targets, which are shared
//   threads  any; reports of one job come one at a time
class Inventory final : public model::TargetListener {
  public:
    Inventory(const base::Clock& clock, const InventoryOptions& options);
    ~Inventory();
    Inventory(const Inventory&) = delete;
    Inventory& operator=(const Inventory&) = delete;

    // The jobs of the configuration, in its order, with the hashes of what they say. Jobs that are
    // gone lose their targets at once. Call it before discovery gets that configuration: reports of
    // jobs that are not configured are passed over.
    void jobs_configured(std::span<const JobHash> jobs);
    void targets_changed(std::shared_ptr<const model::ResolvedJob> job) override;

    // Lets go of targets that were held long enough.
    //   returns  next(), after that
    base::SteadyTime poll(base::SteadyTime now);
    // When poll() has something to do; max: never, if nothing is reported.
    [[nodiscard]] base::SteadyTime next() const;

    // Not every job has reported once, and there is still time: what there is, is not all. Not cold
    // again after that.
    [[nodiscard]] bool cold() const;
    // It is configured and has not reported: it may have targets that are not known here.
    [[nodiscard]] bool awaited(std::string_view job) const;

    // What changed since the last call; with the first one and after restart_changes() everything
    // is added, and nothing removed.
    [[nodiscard]] InventoryChange take_changes();
    // Nobody was told anything yet. A leader calls it when it begins, and when it leads no more:
    // until the next take_changes() no changes are kept.
    void restart_changes();

    // null: not known. Made when asked for.
    [[nodiscard]] std::shared_ptr<const TargetDescriptor> descriptor(model::TargetId id) const;
    [[nodiscard]] bool has(model::TargetId id) const;
    [[nodiscard]] size_t size() const;

    // Calls visit(id, job as std::string_view) for all targets of one moment, by job and id. Takes
    // 8 bytes per target while it runs.
    template <class Visit>
    void for_each(Visit visit) const {
        for (const JobIds& job : ids()) {
            for (const model::TargetId id : job.ids) {
                visit(id, std::string_view(job.job));
            }
        }
    }

    // By name.
    [[nodiscard]] std::vector<JobInventory> jobs() const;
    // errors  kLimit: there are more targets than InventoryOptions::targets_max; says whose are
    // left out
    [[nodiscard]] base::Status check_limit() const;
    // Of what is kept beside the discovered targets.
    [[nodiscard]] size_t memory_bytes() const;

  private:
    struct JobIds {
        std::string job;
        std::vector<model::TargetId> ids;
    };

    struct Parts;

    [[nodiscard]] std::vector<JobIds> ids() const;

    std::unique_ptr<Parts> parts_;
};

}  // namespace shard

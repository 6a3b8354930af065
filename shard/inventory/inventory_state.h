// What an inventory knows and decides: the rules of shard/inventory/inventory.h, without its locks.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "shard/inventory/inventory.h"
#include "shard/inventory/inventory_change.h"
#include "shard/inventory/target_list.h"

namespace shard {

// What is let go of: freed after the lock is given back, for it may be a million targets.
using InventoryWaste = std::vector<std::vector<ListedTarget>>;

struct InventoryJob {
    std::string name;
    uint64_t configuration = 0;         // hash, as it is now
    uint64_t reported_with = 0;         // hash, when `targets` were reported
    std::vector<ListedTarget> targets;  // by id
    size_t taken = 0;                   // the first ones, that count; the others are too many
    size_t duplicates = 0, too_large = 0;
    bool reported = false;
    bool over_target_limit = false;  // when `targets` were reported
    std::optional<base::SteadyTime> held_until;
    std::string problem;  // why it has no targets; usually empty

    [[nodiscard]] std::span<const ListedTarget> counted() const {
        return std::span(targets).first(taken);
    }
};

//   threads  one
class InventoryState {
  public:
    using Target = std::shared_ptr<const model::Target>;
    using Waste = InventoryWaste;

    explicit InventoryState(const InventoryOptions& options);
    ~InventoryState();
    InventoryState(const InventoryState&) = delete;
    InventoryState& operator=(const InventoryState&) = delete;

    void configure(std::span<const JobHash> jobs, base::SteadyTime now, Waste& waste);
    void report(const model::ResolvedJob& resolved,
                TargetList list,
                base::SteadyTime now,
                Waste& waste);
    void poll(base::SteadyTime now, Waste& waste);
    [[nodiscard]] base::SteadyTime next() const;

    [[nodiscard]] bool warm() const { return warm_; }

    // In no order.
    [[nodiscard]] std::vector<TargetDifference> take();
    void restart();

    // null: not known
    [[nodiscard]] Target find(model::TargetId id) const { return known(id).target; }

    struct Known {
        Target target;  // null: not known
        bool over_target_limit = false;
    };

    [[nodiscard]] Known known(model::TargetId id) const;

    [[nodiscard]] size_t size() const { return total_; }

    // null: it is not configured
    [[nodiscard]] const InventoryJob* job(std::string_view name) const;
    // By name.
    [[nodiscard]] std::vector<const InventoryJob*> jobs() const;
    [[nodiscard]] base::Status check_limit() const;
    [[nodiscard]] size_t memory_bytes() const;

  private:
    using Job = InventoryJob;

    struct Maps;

    void drop_others(const std::set<std::string_view>& wanted, Waste& waste);
    // Its targets from now on. share_out() follows.
    void replace(Job& job, TargetList list, Waste& waste);
    void leave(const Job& job, size_t at);
    void stay(const Job& job, size_t at, uint64_t details);
    [[nodiscard]] bool come(Job& job, model::TargetId id);
    // Says how many of each job's targets count.
    void share_out();
    // How a target was when changes were taken last, unless that is known already.
    void note(const Job& job, model::TargetId id, const Target& before);
    void warm_up(base::SteadyTime now);

    const InventoryOptions options_;
    std::map<std::string, std::unique_ptr<Job>, std::less<>> jobs_;
    std::vector<Job*> in_order_;  // as they were configured first
    std::unique_ptr<Maps> maps_;
    size_t total_ = 0;                         // of Job::taken
    std::optional<base::SteadyTime> started_;  // first configured
    bool warm_ = false;
    bool taken_once_ = false;
};

}  // namespace shard

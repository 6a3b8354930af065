// What targets weigh, as far as the leader knows.
// source: docs/placement.md, "Load"
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "base/clock.h"
#include "shard/session/messages.h"
#include "shard/types.h"

namespace shard {

struct LoadViewOptions {
    std::chrono::milliseconds step{15'000};  // between steps towards a lower load
    double step_part = 0.3;                  // of the difference
    double arrived_part = 0.05;              // of the load: so near is there
    uint64_t unknown_series =
        1'000;  // of a target of which nothing is known, nor of others of its job
    double unknown_quantile = 0.75;  // of the others of its job
    uint8_t classes_apart = 2;       // a class in the table that is so far off is corrected
};

// A load rises at once and sinks slowly, so that a target that was short for a scrape is not moved
// about for it; a scrape that failed says nothing.
//   memory   about 40 bytes per target
//   threads  one
class LoadView {
  public:
    explicit LoadView(const LoadViewOptions& options);
    ~LoadView();
    LoadView(const LoadView&) = delete;
    LoadView& operator=(const LoadView&) = delete;

    // From now on; what is known stays.
    void reconfigure(const LoadViewOptions& options);

    // What the node that owns (or gets) the target says.
    void told(NodeNumber node, uint32_t job, const TargetLoad& load);
    void forget(model::TargetId target);
    void clear();
    // Lets loads sink that are to. Call it now and then.
    void step(base::SteadyTime now);

    // Measured, or else what the class stands for, or else what others of the job have.
    [[nodiscard]] uint64_t series(model::TargetId target, uint32_t job, WeightClass weight) const;

    // The same, and better_class() (0: none), in one look.
    struct Weighed {
        uint64_t series = 0;
        WeightClass better = 0;
    };

    [[nodiscard]] Weighed look(model::TargetId target, uint32_t job, WeightClass weight) const;
    [[nodiscard]] bool measured(model::TargetId target) const;
    // Of the last scrape that this node told of; nullopt: it told of none.
    [[nodiscard]] std::optional<bool> up(model::TargetId target, NodeNumber node) const;
    // Of the last scrape that whoever owns it told of.
    [[nodiscard]] std::optional<bool> up(model::TargetId target) const;
    // The class that the table should have; nullopt: what it has is near enough.
    [[nodiscard]] std::optional<WeightClass> better_class(model::TargetId target,
                                                          WeightClass weight) const;
    // Works out anew what targets of a job have that nothing is known of.
    void refresh_jobs();

    // The same, apart from this one.
    [[nodiscard]] std::unique_ptr<LoadView> copy() const;
    // From now on all targets of a job weigh `factor` times as much as they would.
    void grow(uint32_t job, double factor);

  private:
    struct Parts;

    std::unique_ptr<Parts> parts_;
};

}  // namespace shard

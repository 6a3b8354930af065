// Which loads a node tells its leader: those that changed enough to matter.
#pragma once

#include <chrono>
#include <functional>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "shard/session/messages.h"

namespace shard {

// Where loads come from: the node's own head and scrapes.
class LoadSource {
  public:
    virtual ~LoadSource() = default;
    [[nodiscard]] virtual Totals totals() const = 0;
    // Of targets that had a scrape.
    virtual void for_each_load(const std::function<void(const TargetLoad&)>& visit) const = 0;
};

struct LoadOptions {
    std::chrono::milliseconds look{5'000};        // between looks at all targets
    std::chrono::milliseconds complete{600'000};  // after which all are told again
    double changed_part = 0.10;                   // a load is told when it changed by this part …
    uint64_t changed_series = 500;                // … and so many series
    size_t loads_max = 16'384;                    // of one message; the rest comes with the next
};

// Remembers what was told, and chooses what is to be told. A target's first load, and whether it is
// up, are told at once.
//   threads  one
class LoadChanges {
  public:
    explicit LoadChanges(const LoadOptions& options) : options_(options) {}

    // Loads to tell now; empty between looks.
    [[nodiscard]] std::vector<TargetLoad> take(const LoadSource& source, base::SteadyTime now);
    // The leader is another one: it knows nothing.
    void forget_all();
    void forget(model::TargetId id);

  private:
    [[nodiscard]] bool matters(const TargetLoad& load) const;

    const LoadOptions options_;
    std::unordered_map<model::TargetId, TargetLoad> told_;
    base::SteadyTime next_look_{};
    base::SteadyTime next_complete_{};
};

}  // namespace shard

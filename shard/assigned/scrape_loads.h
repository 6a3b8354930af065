// What the targets of a node weigh, as its scrapes go.
#pragma once

#include <array>
#include <functional>
#include <unordered_map>

#include "base/sync.h"
#include "model/scrape_listener.h"
#include "shard/session/messages.h"

namespace shard {

// Lanes that scrape hardly ever meet in one of its parts.
//   threads  any
class ScrapeLoads {
  public:
    // From now on scrapes of the target count. What it weighs stays when it is held in another way.
    void hold(model::TargetId id, bool incoming);
    void release(model::TargetId id);

    // returns  whether the target is held as incoming; a target that is not held at all is ignored
    bool scraped(const model::ScrapeOutcome& outcome);

    // Targets that had a scrape, in no order. No lock is held while `visit` runs.
    void for_each(const std::function<void(const TargetLoad&)>& visit) const;

  private:
    static constexpr size_t kParts = 64;

    struct Load {
        uint64_t series = 0;  // of the last good scrape
        bool up = false;
        bool scraped = false;
        bool incoming = false;
    };

    struct alignas(64) Part {
        mutable base::Mutex mutex;
        std::unordered_map<model::TargetId, Load> loads GUARDED_BY(mutex);
    };

    [[nodiscard]] Part& part(model::TargetId id) { return parts_[id % kParts]; }

    std::array<Part, kParts> parts_;
};

}  // namespace shard

// Whose new series memory had no room for.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/sync.h"
#include "model/labels.h"

namespace tsdb {

// The targets with the most refused series, at most kTargetsMax of them: a new one takes the place
// of the one with the fewest, and its count, so that who is refused most stays (after the
// space-saving algorithm of Metwally et al.).
//   threads  any
class RefusedSeries {
  public:
    static constexpr size_t kTargetsMax = 32;

    struct Target {
        std::string job;
        std::string instance;
        uint64_t refused = 0;
    };

    // Takes note of one refused series.
    void add(const model::Labels& labels) EXCLUDES_LOCK(mutex_);
    // The most refused first.
    [[nodiscard]] std::vector<Target> targets() const EXCLUDES_LOCK(mutex_);

  private:
    mutable base::Mutex mutex_;
    std::vector<Target> targets_ GUARDED_BY(mutex_);
};

}  // namespace tsdb

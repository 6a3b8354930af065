// How many targets of a job each node has.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "shard/planner/state.h"

namespace shard {

// Of the jobs of a plan's orphans only, and counted when first asked for. With more jobs times
// nodes than kCellsMax nothing is counted, and every count is 0.
class JobCounts {
  public:
    explicit JobCounts(PlanState& state) : state_(state) {}

    // By node; null: all are 0.
    [[nodiscard]] const uint32_t* of(uint32_t job);

    [[nodiscard]] bool built() const { return built_; }

    // One more, of a job that was asked for.
    void add(uint32_t job, uint32_t node);

    static constexpr size_t kCellsMax = size_t{16} << 20;

  private:
    void build();
    [[nodiscard]] uint32_t* row(uint32_t job);

    PlanState& state_;
    bool built_ = false;
    std::unordered_map<uint32_t, uint32_t> rows_;  // by job
    std::vector<uint32_t> cells_;
};

}  // namespace shard

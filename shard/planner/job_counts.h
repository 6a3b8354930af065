// How many targets of a job each node has.
#pragma once

#include <cstdint>
#include <vector>

#include "shard/planner/state.h"

namespace shard {

// Numbers jobs in the order they are met.
class JobRows {
  public:
    // The number of a job, a new one when it has none yet.
    uint32_t add(uint32_t job);

    static constexpr uint32_t kNone = UINT32_MAX;

    [[nodiscard]] uint32_t find(uint32_t job) const { return cells_[cell(job)].row; }

    [[nodiscard]] size_t size() const { return size_; }

  private:
    // Open addressing: one line of memory answers for most jobs.
    struct Cell {
        uint32_t job = 0;
        uint32_t row = kNone;  // none: the cell is free
    };

    [[nodiscard]] size_t cell(uint32_t job) const {
        size_t at = (job * 0x9e3779b97f4a7c15) >> shift_;
        while (cells_[at].row != kNone && cells_[at].job != job) {
            at = (at + 1) & (cells_.size() - 1);
        }
        return at;
    }

    void grow();

    int shift_ = 64 - 6;
    std::vector<Cell> cells_ = std::vector<Cell>(size_t{1} << 6);
    size_t size_ = 0;
};

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
    JobRows rows_;
    std::vector<uint32_t> cells_;
};

}  // namespace shard

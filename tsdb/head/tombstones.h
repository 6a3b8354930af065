// Deleted stretches of the head's series.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/sync.h"
#include "tsdb/block/tombstones.h"
#include "tsdb/head/memory.h"
#include "tsdb/wal/record.h"

namespace tsdb {

// The stretches of all series, packed: 28 bytes for a series with one. Immutable.
class DeletedStretches {
  public:
    // stones  in any order; those that touch are joined
    explicit DeletedStretches(std::vector<wal::TombstoneEntry> stones);

    // Sorted, disjoint; empty: nothing of the series is deleted.
    [[nodiscard]] std::span<const block::Interval> of(uint64_t ref) const;
    // As they would be logged.
    [[nodiscard]] std::vector<wal::TombstoneEntry> stones() const;
    [[nodiscard]] int64_t bytes() const;

  private:
    std::vector<uint64_t> refs_;   // ascending
    std::vector<uint32_t> begin_;  // in intervals_, of each ref; one more at the end
    std::vector<block::Interval> intervals_;
};

// What is deleted now. Costs a reader one load while there is nothing.
//   threads   any
//   lifetime  `memory` outlives it
class HeadTombstones {
  public:
    explicit HeadTombstones(HeadMemory& memory) : memory_(memory) {}

    ~HeadTombstones();
    HeadTombstones(const HeadTombstones&) = delete;
    HeadTombstones& operator=(const HeadTombstones&) = delete;

    // Null when nothing is deleted.
    [[nodiscard]] std::shared_ptr<const DeletedStretches> current() const EXCLUDES_LOCK(mutex_) {
        if (!any_.load(std::memory_order_acquire)) [[likely]] {
            return nullptr;
        }
        const base::MutexLock lock(mutex_);
        return current_;
    }

    void add(std::vector<wal::TombstoneEntry> stones) EXCLUDES_LOCK(mutex_);
    // Forgets what ends before `min_t`: the head has no such samples any more.
    void truncate_before(int64_t min_t) EXCLUDES_LOCK(mutex_);

  private:
    void replace(std::vector<wal::TombstoneEntry> stones) REQUIRES_LOCK(mutex_);

    HeadMemory& memory_;
    std::atomic<bool> any_{false};
    mutable base::Mutex mutex_;
    std::shared_ptr<const DeletedStretches> current_ GUARDED_BY(mutex_);
};

}  // namespace tsdb

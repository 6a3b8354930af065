// The order of the head's series by their labels, kept from one select to the next.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/sync.h"
#include "tsdb/head/memory.h"

namespace tsdb {

class Head;

// Remembers the order of the largest select that was sorted, so that the next one sorts only the
// series that are new. Four bytes per series.
//   threads  any
class SlotOrder {
  public:
    // Fewer slots are sorted without it.
    static constexpr size_t kSlotsMin = 2048;

    explicit SlotOrder(HeadMemory& memory) : memory_(memory) {}

    ~SlotOrder();
    SlotOrder(const SlotOrder&) = delete;
    SlotOrder& operator=(const SlotOrder&) = delete;

    // Sorts slots by the labels of their series, which stay what they are until it returns.
    void sort(std::vector<uint32_t>& slots, const Head& head) EXCLUDES_LOCK(mutex_);

    // Slots are about to be given to other series.
    void forget() EXCLUDES_LOCK(mutex_);

  private:
    struct Known {
        std::shared_ptr<const std::vector<uint32_t>> order;  // null: nothing is known
        uint64_t round = 0;
    };

    [[nodiscard]] Known known() const EXCLUDES_LOCK(mutex_);
    void keep(const std::vector<uint32_t>& slots, uint64_t round) EXCLUDES_LOCK(mutex_);

    HeadMemory& memory_;
    mutable base::Mutex mutex_;
    Known known_ GUARDED_BY(mutex_);
};

}  // namespace tsdb

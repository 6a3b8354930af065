// The table from a series' slot to its record.
#pragma once

#include <cstdint>

#include "tsdb/head/memory.h"
#include "tsdb/head/series.h"
#include "tsdb/head/slot_array.h"

namespace tsdb {

struct SlotEntry {
    SeriesRecord* record = nullptr;  // null: no such series
    uint16_t partition = 0;
};

//   threads  get(): any, without a lock; set() and clear(): one at a time
class SlotTable {
  public:
    static constexpr uint64_t kSlotsMax = SlotArray<uint64_t>::kSlotsMax;

    explicit SlotTable(HeadMemory& memory) : words_(memory, HeadPart::kSlots) {}

    [[nodiscard]] SlotEntry get(uint32_t slot) const {
        const uint64_t word = words_.get(slot);
        return {.record = reinterpret_cast<SeriesRecord*>(word & kAddressMask),
                .partition = static_cast<uint16_t>(word >> kAddressBits)};
    }

    void prefetch(uint32_t slot) const { words_.prefetch(slot); }

    // Publishes the record and what it points to.
    void set(uint32_t slot, SlotEntry entry) {
        const auto address = reinterpret_cast<uint64_t>(entry.record);
        words_.set(slot, address | uint64_t{entry.partition} << kAddressBits);
    }

    // The slot has no series any more.
    void clear(uint32_t slot) { words_.set(slot, 0); }

  private:
    static constexpr unsigned kAddressBits = 48;
    static constexpr uint64_t kAddressMask = (uint64_t{1} << kAddressBits) - 1;

    SlotArray<uint64_t> words_;
};

}  // namespace tsdb

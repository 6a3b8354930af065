#include "tsdb/head/cell_table.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace tsdb {
namespace {

constexpr uint64_t kCapacityMin = 2;
constexpr uint64_t kCapacityMax = UINT32_MAX;

// At seven eighths a search for what is not there looks at 32 cells, four cache lines in a row.
constexpr bool too_full(uint64_t size, uint64_t capacity) {
    return size * 8 > capacity * 7;
}

constexpr bool too_empty(uint64_t size, uint64_t capacity) {
    return size * 8 < capacity * 3 && capacity > kCapacityMin;
}

}  // namespace

int64_t CellTable::insert(uint32_t hash, uint32_t entry) {
    SKEIN_DCHECK(entry != kNone, "the entry that stands for none");
    int64_t grown = 0;
    if (too_full(uint64_t{size_} + 1, capacity_)) {
        grown = rebuild(std::max(uint64_t{capacity_} + capacity_ / 4, uint64_t{capacity_} + 2));
    }
    put({.hash = hash, .entry = entry});
    ++size_;
    return grown;
}

// The cells behind the gap move up as far as their homes let them: no trace of the entry stays.
int64_t CellTable::erase(const Cell* cell) {
    auto gap = static_cast<uint32_t>(cell - cells_.get());
    for (uint32_t at = next(gap); cells_[at].entry != kNone; at = next(at)) {
        const uint32_t wanted = home(cells_[at].hash);
        const bool stays = gap < at ? gap < wanted && wanted <= at : gap < wanted || wanted <= at;
        if (!stays) {
            cells_[gap] = cells_[at];
            gap = at;
        }
    }
    cells_[gap] = {};
    --size_;
    if (size_ == 0) {
        const int64_t before = bytes();
        cells_.reset();
        capacity_ = 0;
        return -before;
    }
    return too_empty(size_, capacity_) ? rebuild(uint64_t{size_} * 5 / 3 + 2) : 0;
}

void CellTable::put(Cell cell) {
    uint32_t at = home(cell.hash);
    while (cells_[at].entry != kNone) {
        at = next(at);
    }
    cells_[at] = cell;
}

// Homes keep their order, so both tables are walked from front to back.
int64_t CellTable::rebuild(uint64_t capacity) {
    SKEIN_CHECK(capacity <= kCapacityMax, "table of the head is full", size_);
    const int64_t before = bytes();
    const uint32_t old_capacity = std::exchange(capacity_, static_cast<uint32_t>(capacity));
    const std::unique_ptr<Cell[]> old =
        std::exchange(cells_, std::make_unique<Cell[]>(static_cast<size_t>(capacity)));
    for (uint32_t i = 0; i < old_capacity; ++i) {
        if (old[i].entry != kNone) {
            put(old[i]);
        }
    }
    return bytes() - before;
}

}  // namespace tsdb

#include "tsdb/block/pair_counts.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace tsdb::block {
namespace {

constexpr unsigned kFirstLog2 = 10;

}  // namespace

PairCounts::PairCounts() : slots_(size_t{1} << kFirstLog2), shift_(64 - kFirstLog2) {}

void PairCounts::add(PairKey key, size_t position) {
    if (position >= last_.size()) {
        last_.resize(position + 1, 0);
    }
    if (slots_[last_[position]].key == key) {
        ++slots_[last_[position]].count;
        return;
    }
    size_t place = place_of(key);
    if (slots_[place].key == 0) {
        if ((size_ + 1) * 4 > slots_.size() * 3) {
            grow();
            place = place_of(key);
        }
        slots_[place].key = key;
        ++size_;
    }
    ++slots_[place].count;
    last_[position] = place;
}

void PairCounts::grow() {
    const std::vector<Slot> before = std::exchange(slots_, std::vector<Slot>(slots_.size() * 2));
    --shift_;
    for (const Slot& slot : before) {
        if (slot.key != 0) {
            slots_[place_of(slot.key)] = slot;
        }
    }
}

size_t PairCounts::bytes_max(size_t pairs) {
    const size_t slots = std::bit_ceil(std::max(size_t{1} << kFirstLog2, pairs * 4 / 3 + 1));
    return (slots + slots / 2) * sizeof(Slot);
}

std::vector<PairKey> PairCounts::sorted_keys() const {
    std::vector<PairKey> keys;
    keys.reserve(size_);
    for (const Slot& slot : slots_) {
        if (slot.key != 0) {
            keys.push_back(slot.key);
        }
    }
    std::sort(keys.begin(), keys.end());
    return keys;
}

}  // namespace tsdb::block

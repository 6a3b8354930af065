// How many series have each label value: a hash table of (name, value) pairs of symbol numbers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace tsdb::block {

// A label as one number that sorts by name, then value. Never 0: "" is no name of a label.
using PairKey = uint64_t;

[[nodiscard]] inline PairKey pair_key(uint32_t name, uint32_t value) {
    return uint64_t{name} << 32 | value;
}

// Open addressing, because nothing is ever removed and every lookup is a cache miss saved; 16 bytes
// a slot, at most three quarters of which are taken.
class PairCounts {
  public:
    struct Slot {
        PairKey key = 0;     // 0: free
        uint32_t count = 0;  // series that have the label
        uint32_t next = 0;   // for whoever gathers them
    };

    PairCounts();

    // Counts one series more.
    //   position  of the label in its series: neighbours often have the same one there
    void add(PairKey key, size_t position);

    // The slot of a pair that was added. Stays where it is until the next add().
    [[nodiscard]] Slot& at(PairKey key) { return slots_[place_of(key)]; }

    [[nodiscard]] size_t size() const { return size_; }

    // Bytes held.
    [[nodiscard]] size_t bytes() const { return slots_.capacity() * sizeof(Slot); }

    // Bytes that so many pairs take at most, for a moment: while the slots grow the old ones are
    // there, too.
    [[nodiscard]] static size_t bytes_max(size_t pairs);

    // Ascending.
    [[nodiscard]] std::vector<PairKey> sorted_keys() const;

  private:
    // Of the pair, or of the free slot that is to take it.
    [[nodiscard]] size_t place_of(PairKey key) const {
        size_t place = static_cast<size_t>(key * kMix >> shift_);
        while (slots_[place].key != key && slots_[place].key != 0) {
            place = (place + 1) & (slots_.size() - 1);
        }
        return place;
    }

    void grow();

    static constexpr uint64_t kMix = 0x9e3779b97f4a7c15;

    std::vector<Slot> slots_;  // a power of two of them
    unsigned shift_;           // 64 - log2 of their number
    size_t size_ = 0;
    std::vector<size_t> last_;  // by position: the place of the pair that was there last
};

}  // namespace tsdb::block

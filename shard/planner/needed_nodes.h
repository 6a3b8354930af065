// How many nodes a load needs.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace shard {

// Counts sizes in classes of a sixteenth of a power of two, so that a million of them pack in no
// time. A class packs as what its members have on average: equal sizes stay exact.
class SizeCounts {
  public:
    void add(uint64_t series, uint32_t times) {
        Class& its = classes_[class_of(series)];
        its.count += times;
        its.series += series * times;
    }

    // Bins of `budget` series each, first fit with the largest first: what is in a bin stays below
    // the budget, and a size that does not has one of its own. Sizes of 0 need none.
    [[nodiscard]] uint64_t bins(uint64_t budget) const;

  private:
    struct Class {
        uint64_t count = 0;
        uint64_t series = 0;
    };

    static constexpr int kBits = 4;  // per power of two

    [[nodiscard]] static size_t class_of(uint64_t series) {
        const int shift = std::bit_width(series | 1) - 1 - kBits;
        if (shift <= 0) {
            return series;
        }
        return (static_cast<size_t>(shift) << kBits) + (series >> shift);
    }

    std::array<Class, (size_t{64} - kBits + 1) << kBits> classes_{};
};

}  // namespace shard

#include "shard/planner/slot_order.h"

#include <algorithm>
#include <bit>

namespace shard {

namespace {

constexpr int kDigitBitsMost = 11;      // 2,048 places to write to: they stay in the cache
constexpr size_t kComparedBelow = 512;  // so few are compared sooner than counted

// One pass of a stable radix sort, the largest digits first.
void sort_by_digit(const std::vector<Orphan>& from, std::vector<Orphan>& to, int shift, int bits) {
    const uint64_t mask = (uint64_t{1} << bits) - 1;
    const auto digit = [&](const Orphan& orphan) {
        return mask - ((orphan.slot.series >> shift) & mask);
    };
    std::vector<size_t> begins(mask + 2);
    for (const Orphan& orphan : from) {
        ++begins[digit(orphan) + 1];
    }
    for (size_t i = 1; i < begins.size(); ++i) {
        begins[i] += begins[i - 1];
    }
    for (const Orphan& orphan : from) {
        to[begins[digit(orphan)]++] = orphan;
    }
}

}  // namespace

void sort_largest_first(std::vector<Orphan>& orphans) {
    if (orphans.size() < kComparedBelow) {
        std::ranges::sort(orphans, larger, &Orphan::slot);
        return;
    }
    uint64_t differing = 0;  // bits
    for (const Orphan& orphan : orphans) {
        differing |= orphan.slot.series ^ orphans.front().slot.series;
    }
    if (differing == 0) {
        return;
    }
    const int first = std::countr_zero(differing);
    const int width = std::bit_width(differing) - first;
    const int passes = (width + kDigitBitsMost - 1) / kDigitBitsMost;
    const int bits = (width + passes - 1) / passes;
    std::vector<Orphan> other(orphans.size());
    for (int pass = 0; pass < passes; ++pass) {
        const int shift = first + pass * bits;
        sort_by_digit(orphans, other, shift, std::min(bits, 64 - shift));
        orphans.swap(other);
    }
}

}  // namespace shard

// The few largest slots that some nodes could give for one purpose.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "shard/planner/state.h"

namespace shard {

// Found in one look at all targets, which costs much less than a list of all that the nodes have:
// where little may move, nobody looks further.
class LargestSlots {
  public:
    static constexpr size_t kKept = 4;  // of each node

    explicit LargestSlots(size_t nodes) : ranges_(nodes), kept_(nodes) {}

    // Slots of that node are looked for, of one to so many series.
    void ask(uint32_t node, double series) {
        ranges_[node].most = series < 1         ? 0
                             : series >= kExact ? std::numeric_limits<uint64_t>::max()
                                                : static_cast<uint64_t>(series);
    }

    // Keeps those that may be moved and that `will_do(slot, node)`.
    template <typename WillDo>
    void look(const PlanState& state, const WillDo& will_do) {
        const auto owners = state.owners();
        const auto targets = state.input().targets;
        for (uint32_t position = 0; position < targets.size(); ++position) {
            const PlanTarget& target = targets[position];
            for (uint8_t slot = 0; slot < target.slots; ++slot) {
                const uint32_t owner = owners[target.first_owner + slot];
                // Equal ones that come later are further back: see larger().
                if (owner == kNoOwner || target.series <= ranges_[owner].above ||
                    target.series > ranges_[owner].most) [[likely]] {
                    continue;
                }
                const SlotRef found{target.series, position, slot, target.slots == 1};
                if (state.may_move(position, slot) && will_do(found, owner)) {
                    keep(found, owner);
                }
            }
        }
    }

    // Largest first; some may have left since.
    [[nodiscard]] std::span<const SlotRef> of(uint32_t node) const {
        return std::span(kept_[node].slots).first(kept_[node].count);
    }

    // Whether of() is all there was; else the others come after these.
    [[nodiscard]] bool is_all(uint32_t node) const { return kept_[node].count < kKept; }

  private:
    // Above it not every number of series is a double.
    static constexpr double kExact = 9007199254740992;

    struct Range {
        uint64_t above = 0;
        uint64_t most = 0;
    };

    struct Kept {
        size_t count = 0;
        std::array<SlotRef, kKept> slots;
    };

    void keep(const SlotRef& found, uint32_t node) {
        Kept& its = kept_[node];
        size_t at = its.count < kKept ? its.count++ : kKept - 1;
        for (; at > 0 && larger(found, its.slots[at - 1]); --at) {
            its.slots[at] = its.slots[at - 1];
        }
        its.slots[at] = found;
        if (its.count == kKept) {
            ranges_[node].above = its.slots.back().series;
        }
    }

    // By node.
    std::vector<Range> ranges_;
    std::vector<Kept> kept_;
};

}  // namespace shard

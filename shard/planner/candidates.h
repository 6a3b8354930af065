// What nodes have to give.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "shard/planner/state.h"

namespace shard {

// The slots of nodes that a plan may move, by size. Collected in one pass over the targets for as
// many nodes as are asked for at once.
class Candidates {
  public:
    explicit Candidates(const PlanState& state) : state_(state), lists_(state.nodes().size()) {}

    // Makes the lists of those of the nodes that have none yet.
    void collect(std::span<const uint32_t> nodes);

    // Whether all of them have lists.
    [[nodiscard]] bool have(std::span<const uint32_t> nodes) const {
        return std::ranges::all_of(nodes, [&](uint32_t node) { return lists_[node].collected; });
    }

    // Forgets all lists.
    void clear();

    // Ascending by series; some may have left since (see stays()).
    [[nodiscard]] std::span<const SlotRef> of(uint32_t node);
    // How many of them have at most so many series.
    [[nodiscard]] static size_t up_to(std::span<const SlotRef> list, double series);

    // The first of a node's slots, from the largest of at most so many series down, that will do.
    // Looks at each once when they are not sorted, and does not sort them for it.
    template <typename WillDo>
    [[nodiscard]] std::optional<SlotRef> largest(uint32_t node,
                                                 double series,
                                                 const WillDo& will_do) const {
        const List& list = lists_[node];
        if (list.sorted) {
            for (size_t i = up_to(list.slots, series); i-- > 0;) {
                if (stays(list.slots[i], node) && will_do(list.slots[i])) {
                    return list.slots[i];
                }
            }
            return std::nullopt;
        }
        const SlotRef* best = nullptr;
        for (const SlotRef& slot : list.slots) {
            if (static_cast<double>(slot.series) <= series &&
                (best == nullptr || larger(slot, *best)) && stays(slot, node) && will_do(slot)) {
                best = &slot;
            }
        }
        return best == nullptr ? std::nullopt : std::optional(*best);
    }

    // Whether a slot of a node's list is still there to be moved.
    [[nodiscard]] bool stays(const SlotRef& slot, uint32_t node) const {
        return state_.owner(slot.target, slot.slot) == node &&
               state_.may_move(slot.target, slot.slot);
    }

  private:
    struct List {
        bool collected = false;
        bool sorted = false;
        std::vector<SlotRef> slots;
    };

    const PlanState& state_;
    std::vector<List> lists_;  // by node
};

}  // namespace shard

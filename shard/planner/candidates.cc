#include "shard/planner/candidates.h"

#include <algorithm>

namespace shard {

void Candidates::collect(std::span<const uint32_t> nodes) {
    std::vector<char> wanted(lists_.size());
    bool any = false;
    for (const uint32_t node : nodes) {
        if (!lists_[node].collected) {
            lists_[node].collected = true;
            lists_[node].slots.reserve(state_.node(node).slots);
            wanted[node] = 1;
            any = true;
        }
    }
    if (!any) {
        return;
    }
    const auto owners = state_.owners();
    const auto targets = state_.input().targets;
    for (uint32_t position = 0; position < targets.size(); ++position) {
        const PlanTarget& target = targets[position];
        for (uint8_t slot = 0; slot < target.slots; ++slot) {
            const uint32_t owner = owners[target.first_owner + slot];
            if (owner != kNoOwner && wanted[owner] != 0 && state_.may_move(position, slot)) {
                lists_[owner].slots.push_back({target.series, position, slot, target.slots == 1});
            }
        }
    }
}

void Candidates::clear() {
    std::ranges::fill(lists_, List{});
}

std::span<const SlotRef> Candidates::of(uint32_t node) {
    List& list = lists_[node];
    if (!list.sorted) {
        list.sorted = true;
        std::ranges::sort(list.slots, [](auto& a, auto& b) { return larger(b, a); });
    }
    return list.slots;
}

size_t Candidates::up_to(std::span<const SlotRef> list, double series) {
    if (series < 0) {
        return 0;
    }
    return static_cast<size_t>(
        std::ranges::upper_bound(
            list, series, {}, [](const SlotRef& slot) { return double(slot.series); }) -
        list.begin());
}

}  // namespace shard

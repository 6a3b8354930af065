// What the stages of one plan work with.
#pragma once

#include <cstdint>
#include <optional>

#include "shard/planner/bounds.h"
#include "shard/planner/receivers.h"
#include "shard/planner/state.h"

namespace shard {

struct PlanWork {
    explicit PlanWork(const PlanInput& input) : state(input), receivers(state), bounds(state) {}

    PlanState state;
    Receivers receivers;
    PlanBounds bounds;
    uint64_t held_back = 0;
    uint64_t unplaced = 0;

    void move(const SlotRef& slot, uint32_t to, MoveReason reason) {
        const uint32_t from = state.owner(slot.target, slot.slot);
        state.move(slot, to, reason);
        receivers.update(to);
        if (from != kNoOwner) {
            receivers.update(from);
        }
    }

    // For balance: counts against the bounds.
    void carry_out(const SlotRef& slot, uint32_t to, MoveReason reason) {
        bounds.balanced(state.owner(slot.target, slot.slot), to, static_cast<double>(slot.series));
        move(slot, to, reason);
    }

    void place(const Orphan& orphan, uint32_t to) {
        state.place(orphan, to);
        receivers.update(to);
    }
};

}  // namespace shard

#include "shard/planner/repair.h"

#include <algorithm>
#include <vector>

#include "shard/planner/job_counts.h"
#include "shard/planner/slot_order.h"

namespace shard {

namespace {

const PlanState::Zones kAnyZone;
constexpr size_t kAhead = 12;  // orphans whose memory is fetched before they are placed

// The emptiest node for a slot: away from the target's other slots and their zones, not refused,
// and `may(node)`. When there is none, other zones do not matter.
template <class May>
Receivers::Found find_able(const PlanWork& work, const SlotRef& slot, const May& may) {
    const PlanState& state = work.state;
    const auto able = [&](uint32_t node) {
        return may(node) && (slot.alone || !state.holds_other(slot.target, slot.slot, node)) &&
               !state.refused(slot.target, node);
    };
    if (slot.alone) {
        return work.receivers.find(static_cast<double>(slot.series), kAnyZone, able);
    }
    PlanState::Zones zones;
    state.zones_of_others(slot.target, slot.slot, zones);
    auto found = work.receivers.find(static_cast<double>(slot.series), zones, able);
    if (found.node == kNoOwner && zones.count > 0) {
        found = work.receivers.find(static_cast<double>(slot.series), kAnyZone, able);
    }
    return found;
}

// The same, and when all refuse it, one that does: a target is never left out.
template <class May>
Receivers::Found find_any(const PlanWork& work, const SlotRef& slot, const May& may) {
    auto found = find_able(work, slot, may);
    const PlanInput& input = work.state.input();
    if (found.node == kNoOwner && (!input.unable.empty() || !input.foreign_jobs.empty())) {
        found = work.receivers.find(static_cast<double>(slot.series), kAnyZone, [&](uint32_t node) {
            return may(node) && !work.state.holds_other(slot.target, slot.slot, node);
        });
    }
    return found;
}

// Whether another slot of the target would be in the same zone.
bool shares_zone(const PlanWork& work, const SlotRef& slot, uint32_t node) {
    PlanState::Zones zones;
    work.state.zones_of_others(slot.target, slot.slot, zones);
    return zones.has(work.state.node(node).zone);
}

// Plans one move that must be, when its bounds and another move of the target allow.
template <class Find>
void repair(PlanWork& work, const SlotRef& slot, MoveReason reason, const Find& find) {
    const auto anyone = [&](uint32_t node) { return work.state.node(node).use == NodeUse::kTakes; };
    const auto best = find(anyone);
    if (best.node == kNoOwner) {
        return;
    }
    if (work.state.taken(slot.target) || !work.bounds.repair()) {
        ++work.held_back;
        return;
    }
    const auto found = find([&](uint32_t node) { return anyone(node) && work.bounds.takes(node); });
    if (found.node == kNoOwner ||
        (shares_zone(work, slot, found.node) && !shares_zone(work, slot, best.node))) {
        ++work.held_back;
        return;
    }
    work.bounds.repaired(work.state.owner(slot.target, slot.slot), found.node);
    work.move(slot, found.node, reason);
}

bool shares_node(const PlanState& state, uint32_t target, uint8_t slot) {
    for (uint8_t other = 0; other < slot; ++other) {
        if (state.owner(target, other) == state.owner(target, slot)) {
            return true;
        }
    }
    return false;
}

bool shares_zone(const PlanState& state, uint32_t target, uint8_t slot) {
    const uint32_t zone = state.node(state.owner(target, slot)).zone;
    for (uint8_t other = 0; other < slot && zone != 0; ++other) {
        const uint32_t node = state.owner(target, other);
        if (node != kNoOwner && state.node(node).zone == zone) {
            return true;
        }
    }
    return false;
}

void mend_crowded(PlanWork& work, uint32_t target) {
    const PlanTarget& its = work.state.target(target);
    for (uint8_t number = 1; number < its.slots; ++number) {
        const SlotRef slot{its.series, target, number, false};
        if (work.state.owner(target, number) == kNoOwner) {
            continue;
        }
        if (shares_node(work.state, target, number)) {
            repair(work, slot, MoveReason::kSameNode, [&](const auto& may) {
                return find_any(work, slot, may);
            });
        } else if (shares_zone(work.state, target, number)) {
            PlanState::Zones zones;
            work.state.zones_of_others(target, number, zones);
            repair(work, slot, MoveReason::kSameZone, [&](const auto& may) {
                return work.receivers.find(
                    static_cast<double>(slot.series), zones, [&](uint32_t node) {
                        return may(node) && !work.state.holds_other(target, number, node) &&
                               !work.state.refused(target, node);
                    });
            });
        }
    }
}

// One plan gives a node so much in orphans, while others have room: a node that has just come
// shall not get all of a lost one's at once.
class OrphanRoom {
  public:
    explicit OrphanRoom(const PlanState& state) : lifted_(state.options().full) {
        for (const NodeState& node : state.nodes()) {
            const double budget = state.options().budget_hard * node.capacity;
            const double used = static_cast<double>(node.load + node.ghosts);
            left_.push_back(state.options().orphan_budget_part * std::max(0.0, budget - used));
            untouched_.push_back(left_.back() > 0);
        }
    }

    [[nodiscard]] bool has(uint32_t node, uint64_t series) const {
        return lifted_ || untouched_[node] || left_[node] >= static_cast<double>(series);
    }

    void take(uint32_t node, uint64_t series) {
        untouched_[node] = false;
        left_[node] -= static_cast<double>(series);
    }

    [[nodiscard]] bool lifted() const { return lifted_; }

    void lift() { lifted_ = true; }

  private:
    bool lifted_;
    std::vector<double> left_;
    std::vector<char> untouched_;  // a single target may be more than that
};

class OrphanPlacing {
  public:
    explicit OrphanPlacing(PlanWork& work) : work_(work), room_(work.state), jobs_(work.state) {}

    void place(const Orphan& orphan) {
        const SlotRef& slot = orphan.slot;
        auto found = find(slot);
        if (found.node == kNoOwner && !room_.lifted()) {
            room_.lift();
            found = find(slot);
        }
        if (found.node == kNoOwner) {
            ++work_.unplaced;
            return;
        }
        if (found.tied) {
            found.node = choose(orphan, found);
        }
        found.node = earlier_owner(slot, found);
        room_.take(found.node, slot.series);
        if (jobs_.built()) {
            jobs_.add(orphan.job, found.node);
        }
        work_.place(orphan, found.node);
    }

  private:
    [[nodiscard]] Receivers::Found find(const SlotRef& slot) const {
        const auto found = find_within(slot);
        if (slot.alone || room_.lifted() || found.node == kNoOwner ||
            !shares_zone(work_, slot, found.node)) {
            return found;
        }
        // Zones count for more than room.
        return find_any(work_, slot, [](uint32_t) { return true; });
    }

    [[nodiscard]] Receivers::Found find_within(const SlotRef& slot) const {
        return find_any(work_, slot, [&](uint32_t node) { return room_.has(node, slot.series); });
    }

    // Whether the node is as good for it as any.
    [[nodiscard]] bool fits(const SlotRef& slot, uint32_t node) const {
        const PlanState& state = work_.state;
        return state.node(node).use == NodeUse::kTakes && room_.has(node, slot.series) &&
               !state.refused(slot.target, node) &&
               (slot.alone || (!state.holds_other(slot.target, slot.slot, node) &&
                               !shares_zone(work_, slot, node)));
    }

    // Of equally full nodes the one with the fewest of its job, then by rendezvous.
    [[nodiscard]] uint32_t choose(const Orphan& orphan, const Receivers::Found& found) {
        const PlanState& state = work_.state;
        const SlotRef& slot = orphan.slot;
        PlanState::Zones zones;
        if (!slot.alone) {
            state.zones_of_others(slot.target, slot.slot, zones);
        }
        work_.receivers.ties(
            static_cast<double>(slot.series),
            zones,
            [&](uint32_t node) { return fits(slot, node); },
            found,
            tied_);
        const uint32_t* counts = jobs_.of(orphan.job);
        const auto rank = [&](uint32_t node) {
            return std::pair(counts == nullptr ? 0 : counts[node],
                             ~rendezvous(orphan.id, state.node(node).number));
        };
        uint32_t best = found.node;
        std::pair<uint32_t, uint64_t> least(UINT32_MAX, UINT64_MAX);
        for (const uint32_t node : tied_) {
            if (const auto its = rank(node); its < least) {
                best = node;
                least = its;
            }
        }
        return best;
    }

    [[nodiscard]] uint32_t earlier_owner(const SlotRef& slot, const Receivers::Found& found) const {
        uint32_t best = found.node;
        double limit =
            found.share_after + work_.state.options().near_ratio * work_.state.mean_share();
        for (const PlanMark& mark : work_.state.previous(slot.target)) {
            const double after =
                work_.state.node(mark.node).share_with(static_cast<double>(slot.series));
            if (after <= limit && fits(slot, mark.node)) {
                best = mark.node;
                limit = after;
            }
        }
        return best;
    }

    PlanWork& work_;
    OrphanRoom room_;
    JobCounts jobs_;
    std::vector<uint32_t> tied_;
};

}  // namespace

void mend_validity(PlanWork& work) {
    for (const SlotRef& slot : work.state.unable()) {
        const uint32_t owner = work.state.owner(slot.target, slot.slot);
        if (work.state.node(owner).use == NodeUse::kKeeps) {
            continue;
        }
        repair(work, slot, MoveReason::kUnable, [&](const auto& may) {
            return find_able(work, slot, may);
        });
    }
    for (const uint32_t target : work.state.crowded()) {
        mend_crowded(work, target);
    }
}

void place_orphans(PlanWork& work) {
    auto& orphans = work.state.orphans();
    work.unplaced += work.state.stuck();
    if (orphans.empty()) {
        return;
    }
    sort_largest_first(orphans);
    work.state.reserve(orphans.size());
    OrphanPlacing placing(work);
    for (size_t i = 0; i < orphans.size(); ++i) {
        if (i + kAhead < orphans.size()) {
            work.state.expect(orphans[i + kAhead]);
        }
        placing.place(orphans[i]);
    }
}

void empty_draining(PlanWork& work) {
    auto& drains = work.state.drains();
    std::ranges::sort(drains, larger);
    for (const SlotRef& slot : drains) {
        if (work.state.taken(slot.target) &&
            work.state.node(work.state.owner(slot.target, slot.slot)).use != NodeUse::kEmpties) {
            continue;  // mending its validity has moved it
        }
        repair(work, slot, MoveReason::kDrain, [&](const auto& may) {
            return find_any(work, slot, may);
        });
    }
}

}  // namespace shard

// Fills nodes that hold little with the largest targets that others can spare.
#pragma once

#include <cstdint>
#include <optional>
#include <tuple>
#include <vector>

#include "shard/planner/balance_rules.h"
#include "shard/planner/candidates.h"
#include "shard/planner/largest_slots.h"
#include "shard/planner/work.h"

namespace shard {

// One node at a time. What others may give it is found in a look at all targets for the largest
// of each giver; lists of all that they have are made when these do not do, and when many nodes
// are filled.
//   lifetime  what is given outlives it
class Filling {
  public:
    Filling(PlanWork& work, const BalanceRules& rules, Candidates& candidates)
        : work_(work), state_(work.state), rules_(rules), candidates_(candidates) {}

    // Nodes are filled from now on, so many of them.
    void expect(size_t nodes) { sort_offers_ = nodes > kLowMaxUnsorted; }

    // Moves slots to the node until it is no longer low, or nobody has one to spare.
    //   stopped  one more for each node that bounds kept from giving, or getting, more
    //   returns  whether it moved any
    bool fill(uint32_t low, uint64_t& stopped);

    // The lists of the candidates were cleared.
    void next_round() { looks_ = 0; }

  private:
    // Nodes that are filled before it pays to sort what all others have.
    static constexpr size_t kLowMaxUnsorted = 2;
    // Looks for the largest slots before it pays to list all others.
    static constexpr int kLooksMax = 4;

    // What a node could give to one that is low.
    struct Offer {
        SlotRef slot;
        uint32_t giver = kNoOwner;
        double share = 0;  // the giver's
    };

    // Largest first, so that few move; of equal ones that of the fullest node.
    static bool worse(const Offer& a, const Offer& b) {
        return std::tuple(a.slot.series, a.share, b.giver) <
               std::tuple(b.slot.series, b.share, a.giver);
    }

    [[nodiscard]] std::vector<Offer> offers_to(uint32_t low);
    void look_for_largest(uint32_t low);

    // So many series neither leave the giver low nor fill the node beyond the mean. While a node is
    // filled it only sinks, and what does not do once never does.
    [[nodiscard]] double may_give(uint32_t giver, uint32_t low) const;
    [[nodiscard]] bool may_fill(const SlotRef& slot, uint32_t giver, uint32_t low) const;
    // The largest slot that a node may give.
    [[nodiscard]] std::optional<Offer> offered_by(uint32_t giver, uint32_t low);

    [[nodiscard]] Offer offer_of(const SlotRef& slot, uint32_t giver) const {
        return {slot, giver, state_.node(giver).share};
    }

    PlanWork& work_;
    PlanState& state_;
    const BalanceRules& rules_;
    Candidates& candidates_;
    std::vector<uint32_t> givers_;         // to the node that is being filled
    std::optional<LargestSlots> largest_;  // of theirs; none: they have lists
    int looks_ = 0;                        // for the largest, in this round
    bool sort_offers_ = false;             // slots of those that give are looked at for many nodes
};

}  // namespace shard

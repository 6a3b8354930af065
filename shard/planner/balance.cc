#include "shard/planner/balance.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <vector>

#include "shard/planner/balance_rules.h"
#include "shard/planner/candidates.h"
#include "shard/planner/filling.h"

namespace shard {

namespace {

// Slots of one node that are looked at for one move, at each size that is tried.
constexpr size_t kTriesMax = 64;
// Receivers of a group that are looked at when nothing fits the plain way.
constexpr size_t kPartnersMax = 8;
// Rounds of a full plan, each of which may better what the ones before it planned.
constexpr int kRoundsMax = 16;

const PlanState::Zones kAnyZone;

class Balancing {
  public:
    explicit Balancing(PlanWork& work)
        : work_(work),
          state_(work.state),
          rules_(state_),
          levels_(rules_.levels()),
          candidates_(state_),
          filling_(work, rules_, candidates_) {}

    void run() {
        const int rounds = state_.options().full ? kRoundsMax : 1;
        for (int round = 0; round < rounds; ++round) {
            if (!run_round()) {
                break;
            }
            candidates_.clear();
            filling_.next_round();
            state_.next_round();
        }
        if (state_.slots_max() > 1 && state_.planned() > 0) {
            // Of each target one slot moves at a time: others may help once it has.
            work_.held_back += count_unbalanced(work_);
        }
    }

  private:
    struct Choice {
        SlotRef slot;
        uint32_t to = kNoOwner;
        double highest = 0;  // share of the two nodes after it
    };

    struct Swap {
        SlotRef given, taken;
        uint32_t with = kNoOwner;
        double highest = 0;
    };

    // Who gets more, while some nodes are low; the next step when one has moved nothing.
    enum class Step : uint8_t {
        kFitting,  // those that are low, what leaves no giver low
        kSingle,   // those that are low, also a large target that evens two nodes out
        kAll,      // everybody
    };

    // Returns whether anything was planned.
    bool run_round() {
        bool some = false;
        while (true) {
            bool moved = false;
            bool waits = false;  // nodes that are low get more with the next plan
            for (const Step step : {Step::kFitting, Step::kSingle, Step::kAll}) {
                if (!moved && (step == Step::kAll ? !waits : !nodes_that_are_low().empty())) {
                    stopped_ = 0;
                    step_ = step;
                    moved = relieve_and_fill();
                    waits = waits || stopped_ > 0;
                }
            }
            if (!moved) {
                moved = swap_some();
            }
            if (!moved) {
                work_.held_back += stopped_;
                return some;
            }
            some = true;
        }
    }

    bool relieve_and_fill() {
        bool moved = false;
        const auto givers = nodes_that_give();
        candidates_.collect(givers);
        for (const uint32_t giver : givers) {
            moved = relieve(giver) || moved;
        }
        const auto all_low = nodes_that_are_low();
        filling_.expect(all_low.size());
        for (const uint32_t low : all_low) {
            moved = filling_.fill(low, stopped_) || moved;
        }
        return moved;
    }

    // Fullest first, and those over the hard budget before all others.
    [[nodiscard]] std::vector<uint32_t> nodes_that_give() const {
        std::vector<uint32_t> givers;
        for (uint32_t node = 0; node < state_.nodes().size(); ++node) {
            if (levels_.excess(state_.node(node)) != Levels::Excess::kNone) {
                givers.push_back(node);
            }
        }
        std::ranges::stable_sort(givers, [&](uint32_t a, uint32_t b) {
            const auto& first = state_.node(a);
            const auto& second = state_.node(b);
            const auto excess_a = levels_.excess(first);
            const auto excess_b = levels_.excess(second);
            return excess_a != excess_b ? excess_a > excess_b : first.share > second.share;
        });
        return givers;
    }

    [[nodiscard]] std::vector<uint32_t> nodes_that_are_low() const {
        std::vector<uint32_t> low;
        for (uint32_t node = 0; node < state_.nodes().size(); ++node) {
            if (levels_.is_low(state_.node(node))) {
                low.push_back(node);
            }
        }
        std::ranges::stable_sort(low, {}, [&](uint32_t node) { return state_.node(node).share; });
        return low;
    }

    // --- where a slot may go
    // ----------------------------------------------------------------------

    // While nodes are low, what others have too much goes to them and not round among the others.
    [[nodiscard]] bool receives(uint32_t node) const {
        return step_ == Step::kAll || levels_.is_low(state_.node(node));
    }

    // Whether the bounds let a node get more.
    [[nodiscard]] bool takes(uint32_t node) {
        refused_ = refused_ || !work_.bounds.takes(node);
        return work_.bounds.takes(node);
    }

    // --- relief
    // ---------------------------------------------------------------------------------

    bool relieve(uint32_t giver) {
        bool moved = false;
        const auto excess = levels_.excess(state_.node(giver));
        if (excess == Levels::Excess::kNone) {
            return false;
        }
        const auto reason =
            excess == Levels::Excess::kHard || state_.node(giver).share <= levels_.calm
                ? MoveReason::kOverBudget
                : MoveReason::kBalance;
        const double goal = levels_.giver_goal(state_.node(giver));
        const double limit = levels_.receiver_limit(state_.node(giver));
        while (state_.node(giver).share > goal) {
            if (!work_.bounds.gives(giver) || waits_for_low()) {
                ++stopped_;
                return moved;
            }
            refused_ = false;
            auto choice = largest_that_fits(giver, goal, limit);
            if (!choice && step_ != Step::kFitting &&
                levels_.excess(state_.node(giver)) != Levels::Excess::kNone) {
                choice = best_single(giver, excess == Levels::Excess::kHard ? 0 : levels_.gain_min);
            }
            if (!choice) {
                stopped_ += refused_ ? 1 : 0;
                return moved;
            }
            if (!work_.bounds.balance(static_cast<double>(choice->slot.series))) {
                ++stopped_;
                return moved;
            }
            work_.carry_out(choice->slot, choice->to, reason);
            moved = true;
        }
        return moved;
    }

    // Whether the emptiest node is about to be filled and gets no more in this plan: better wait
    // for it than move things between the others.
    [[nodiscard]] bool waits_for_low() const {
        bool waits = false;
        work_.receivers.lowest(1, [&](uint32_t node) {
            waits = waits || (levels_.is_low(state_.node(node)) && !work_.bounds.takes(node));
        });
        return waits;
    }

    // The largest slot that leaves the giver at its goal or above and some receiver at the limit or
    // below.
    [[nodiscard]] std::optional<Choice> largest_that_fits(uint32_t giver,
                                                          double goal,
                                                          double limit) {
        const NodeState& its = state_.node(giver);
        const auto list = candidates_.of(giver);
        const double most = std::min(static_cast<double>(its.load) - goal * its.capacity,
                                     work_.receivers.room(limit));
        size_t tries = 0;
        for (size_t i = Candidates::up_to(list, most); i-- > 0 && tries < kTriesMax;) {
            const SlotRef& slot = list[i];
            if (slot.series == 0) {
                break;
            }
            if (!candidates_.stays(slot, giver)) {
                continue;
            }
            ++tries;
            const auto series = static_cast<double>(slot.series);
            const auto found = work_.receivers.find(series, kAnyZone, [&](uint32_t node) {
                return node != giver && receives(node) &&
                       state_.node(node).share_with(series) <= limit &&
                       rules_.admits(node, series) && rules_.helps(series, giver, node) &&
                       rules_.fits(slot, node) && takes(node);
            });
            if (found.node != kNoOwner) {
                return Choice{slot, found.node, found.share_after};
            }
        }
        return std::nullopt;
    }

    // Where targets are few and large: the slot and receiver that leave the higher of the two
    // lowest, if that is lower by `gain` than the giver was.
    [[nodiscard]] std::optional<Choice> best_single(uint32_t giver, double gain) {
        const NodeState& its = state_.node(giver);
        const auto list = candidates_.of(giver);
        Choice best;
        best.highest = its.share - gain;
        work_.receivers.lowest(kPartnersMax, [&](uint32_t node) {
            const NodeState& taker = state_.node(node);
            if (node == giver || !receives(node) || !takes(node)) {
                return;
            }
            const double even = (static_cast<double>(its.load) * taker.capacity -
                                 static_cast<double>(taker.load) * its.capacity) /
                                (its.capacity + taker.capacity);
            const size_t middle = Candidates::up_to(list, even);
            try_single(list, middle, giver, node, best);
        });
        return best.to == kNoOwner ? std::nullopt : std::optional(best);
    }

    // The nearest slots on both sides of list[middle] that may go to `to`.
    void try_single(std::span<const SlotRef> list,
                    size_t middle,
                    uint32_t from,
                    uint32_t to,
                    Choice& best) const {
        const auto consider = [&](const SlotRef& slot) {
            const auto series = static_cast<double>(slot.series);
            if (slot.series == 0 || !rules_.fits(slot, to)) {
                return false;
            }
            const double highest = std::max(state_.node(from).share_without(series),
                                            state_.node(to).share_with(series));
            if (highest < best.highest && rules_.helps(series, from, to) &&
                rules_.admits_or_better(to, series, from)) {
                best = {slot, to, highest};
            }
            return true;
        };
        nearest(list, from, middle, consider);
    }

    // A node's slots before and from list[middle], nearest first, on either side until one will do.
    // Those that left the node meanwhile do not count: a plan that begins now would not see them.
    template <typename WillDo>
    void nearest(std::span<const SlotRef> list,
                 uint32_t node,
                 size_t middle,
                 const WillDo& will_do) const {
        size_t tries = 0;
        const auto ends = [&](const SlotRef& slot) {
            return candidates_.stays(slot, node) && (will_do(slot) || ++tries == kTriesMax);
        };
        for (size_t i = middle; i-- > 0;) {
            if (ends(list[i])) {
                break;
            }
        }
        tries = 0;
        for (size_t i = middle; i < list.size(); ++i) {
            if (ends(list[i])) {
                break;
            }
        }
    }

    // --- swaps
    // ----------------------------------------------------------------------------------

    // One swap, of the fullest node that one helps.
    bool swap_some() {
        if (state_.planned() > 0 && !nodes_that_are_low().empty()) {
            ++stopped_;  // a node is being filled, which will make more room than a swap
            return false;
        }
        for (const uint32_t giver : nodes_that_give()) {
            if (candidates_.of(giver).empty() || state_.node(giver).slots < 2) {
                continue;
            }
            refused_ = false;
            const auto swap = best_swap(giver);
            if (!swap) {
                stopped_ += refused_ ? 1 : 0;
                continue;
            }
            const auto series = static_cast<double>(swap->given.series + swap->taken.series);
            if (!work_.bounds.gives(giver) || !work_.bounds.takes(giver) ||
                !work_.bounds.gives(swap->with) || !work_.bounds.balance(series) ||
                waits_for_low()) {
                ++stopped_;
                continue;
            }
            const auto reason = levels_.excess(state_.node(giver)) == Levels::Excess::kHard
                                    ? MoveReason::kOverBudget
                                    : MoveReason::kBalance;
            work_.carry_out(swap->taken, giver, MoveReason::kSwap);
            work_.carry_out(swap->given, swap->with, reason);
            return true;
        }
        return false;
    }

    [[nodiscard]] std::optional<Swap> best_swap(uint32_t giver) {
        std::vector<uint32_t> partners;
        work_.receivers.lowest(kPartnersMax, [&](uint32_t node) {
            if (node != giver && takes(node)) {
                partners.push_back(node);
            }
        });
        candidates_.collect(partners);
        Swap best;
        best.highest = state_.node(giver).share - levels_.gain_min;
        if (state_.node(giver).use != NodeUse::kTakes) {
            return std::nullopt;
        }
        for (const uint32_t partner : partners) {
            try_swaps(giver, partner, best);
        }
        return best.with == kNoOwner ? std::nullopt : std::optional(best);
    }

    // For every slot of the giver the one of the partner that evens the two out best.
    void try_swaps(uint32_t giver, uint32_t partner, Swap& best) {
        const NodeState& its = state_.node(giver);
        const NodeState& other = state_.node(partner);
        const double even = (static_cast<double>(its.load) * other.capacity -
                             static_cast<double>(other.load) * its.capacity) /
                            (its.capacity + other.capacity);
        const auto taken = candidates_.of(partner);
        for (const SlotRef& slot : candidates_.of(giver)) {
            if (static_cast<double>(slot.series) <= even || !candidates_.stays(slot, giver) ||
                !rules_.fits(slot, partner)) {
                continue;
            }
            const size_t middle = Candidates::up_to(taken, static_cast<double>(slot.series) - even);
            nearest(taken, partner, middle, [&](const SlotRef& other) {
                return try_swap(giver, partner, slot, other, best);
            });
        }
    }

    // Whether the two may change places, at all.
    bool try_swap(uint32_t giver,
                  uint32_t partner,
                  const SlotRef& given,
                  const SlotRef& taken,
                  Swap& best) const {
        if (given.series <= taken.series || given.target == taken.target ||
            !rules_.fits(taken, giver)) {
            return false;
        }
        const double net = static_cast<double>(given.series - taken.series);
        const double highest =
            std::max(state_.node(giver).share_without(net), state_.node(partner).share_with(net));
        if (highest < best.highest && rules_.helps(net, giver, partner) &&
            rules_.admits_or_better(partner, net, giver)) {
            best = {given, taken, partner, highest};
        }
        return true;
    }

    PlanWork& work_;
    PlanState& state_;
    BalanceRules rules_;
    const Levels& levels_;
    Candidates candidates_;
    Filling filling_;
    Step step_ = Step::kAll;
    bool refused_ = false;  // the bounds kept a node from getting more, in this search
    uint64_t stopped_ = 0;  // nodes that bounds kept from giving or getting more, in this pass
};

}  // namespace

void balance(PlanWork& work) {
    if (work.receivers.willing() && work.state.mean_share() > 0) {
        Balancing(work).run();
    }
}

uint64_t count_unbalanced(const PlanWork& work) {
    const Levels levels(work.state);
    uint64_t count = 0;
    for (const NodeState& node : work.state.nodes()) {
        count += levels.excess(node) != Levels::Excess::kNone || levels.is_low(node) ? 1 : 0;
    }
    return count;
}

}  // namespace shard

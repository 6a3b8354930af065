#include "shard/planner/filling.h"

#include <algorithm>

namespace shard {

bool Filling::fill(uint32_t low, uint64_t& stopped) {
    if (!work_.bounds.takes(low)) {
        ++stopped;  // not worth a look at what all others have
        return false;
    }
    std::vector<Offer> offers = offers_to(low);
    std::ranges::make_heap(offers, worse);
    bool moved = false;
    while (state_.node(low).share < rules_.levels().fill && !offers.empty()) {
        std::ranges::pop_heap(offers, worse);
        const Offer offer = offers.back();
        offers.pop_back();
        // Earlier moves may have left less room, or less to give: the next one is no larger.
        const auto now = offered_by(offer.giver, low);
        if (!now) {
            continue;
        }
        if (worse(*now, offer)) {
            offers.push_back(*now);
            std::ranges::push_heap(offers, worse);
            continue;
        }
        if (!work_.bounds.takes(low) ||
            !work_.bounds.balance(static_cast<double>(now->slot.series))) {
            ++stopped;
            return moved;
        }
        if (!work_.bounds.gives(now->giver)) {
            ++stopped;
            continue;
        }
        work_.carry_out(now->slot, low, MoveReason::kFill);
        moved = true;
        if (const double most = may_give(offer.giver, low); most >= 1) {
            // What it is, is looked up when no other node may offer more.
            offers.push_back(offer_of({.series = static_cast<uint64_t>(most)}, offer.giver));
            std::ranges::push_heap(offers, worse);
        }
    }
    return moved;
}

std::vector<Filling::Offer> Filling::offers_to(uint32_t low) {
    givers_.clear();
    for (uint32_t node = 0; node < state_.nodes().size(); ++node) {
        if (node != low && state_.node(node).balances() &&
            state_.node(node).share > rules_.levels().fill) {
            givers_.push_back(node);
        }
    }
    largest_.reset();
    if (sort_offers_ || looks_ >= kLooksMax || candidates_.have(givers_)) {
        candidates_.collect(givers_);
    } else {
        look_for_largest(low);
    }
    std::vector<Offer> offers;
    for (const uint32_t giver : givers_) {
        if (sort_offers_) {
            static_cast<void>(candidates_.of(giver));  // sorts
        }
        if (const auto offer = offered_by(giver, low)) {
            offers.push_back(*offer);
        }
    }
    return offers;
}

void Filling::look_for_largest(uint32_t low) {
    ++looks_;
    largest_.emplace(state_.nodes().size());
    for (const uint32_t giver : givers_) {
        largest_->ask(giver, may_give(giver, low));
    }
    largest_->look(state_,
                   [&](const SlotRef& slot, uint32_t giver) { return may_fill(slot, giver, low); });
}

double Filling::may_give(uint32_t giver, uint32_t low) const {
    const NodeState& its = state_.node(giver);
    const NodeState& taker = state_.node(low);
    return std::min(static_cast<double>(its.load) - rules_.levels().fill * its.capacity,
                    rules_.levels().fill_most * taker.capacity - static_cast<double>(taker.load));
}

bool Filling::may_fill(const SlotRef& slot, uint32_t giver, uint32_t low) const {
    const auto series = static_cast<double>(slot.series);
    return slot.series > 0 && rules_.admits(low, series) && rules_.helps(series, giver, low) &&
           rules_.fits(slot, low);
}

std::optional<Filling::Offer> Filling::offered_by(uint32_t giver, uint32_t low) {
    const double most = may_give(giver, low);
    if (largest_) {
        for (const SlotRef& one : largest_->of(giver)) {
            if (static_cast<double>(one.series) <= most && candidates_.stays(one, giver) &&
                may_fill(one, giver, low)) {
                return offer_of(one, giver);
            }
        }
        if (largest_->is_all(giver)) {
            return std::nullopt;
        }
        largest_.reset();
        candidates_.collect(givers_);
    }
    const auto slot = candidates_.largest(
        giver, most, [&](const SlotRef& one) { return may_fill(one, giver, low); });
    return slot ? std::optional(offer_of(*slot, giver)) : std::nullopt;
}

}  // namespace shard

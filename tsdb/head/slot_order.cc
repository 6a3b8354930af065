#include "tsdb/head/slot_order.h"

#include <algorithm>
#include <utility>

#include "tsdb/head/head.h"
#include "tsdb/head/label_order.h"

namespace tsdb {
namespace {

using Slots = std::vector<uint32_t>;

int64_t bytes_of(const Slots& slots) {
    return static_cast<int64_t>(slots.capacity() * sizeof(uint32_t));
}

// Splits the slots into those that stand in the order, as they stand there, and the others.
std::pair<Slots, Slots> split(const Slots& slots, const Slots& order) {
    std::vector<bool> wanted(*std::ranges::max_element(slots) + size_t{1});
    for (const uint32_t slot : slots) {
        wanted[slot] = true;
    }
    std::pair<Slots, Slots> parts;
    parts.first.reserve(slots.size());
    for (const uint32_t slot : order) {
        if (slot < wanted.size() && wanted[slot]) {
            wanted[slot] = false;
            parts.first.push_back(slot);
        }
    }
    for (const uint32_t slot : slots) {
        if (wanted[slot]) {
            parts.second.push_back(slot);
        }
    }
    return parts;
}

// Puts a few sorted slots among many.
Slots merge(const Slots& many, const Slots& few, const ByLabels& before) {
    Slots all;
    all.reserve(many.size() + few.size());
    auto from = many.begin();
    for (const uint32_t slot : few) {
        const auto to = std::lower_bound(from, many.end(), slot, before);
        all.insert(all.end(), from, to);
        all.push_back(slot);
        from = to;
    }
    all.insert(all.end(), from, many.end());
    return all;
}

}  // namespace

SlotOrder::~SlotOrder() {
    forget();
}

void SlotOrder::sort(std::vector<uint32_t>& slots, const Head& head) {
    const ByLabels before(head);
    if (slots.size() < kSlotsMin) {
        std::ranges::sort(slots, before);
        return;
    }
    const Known known = this->known();
    if (known.order == nullptr) {
        std::ranges::sort(slots, before);
        keep(slots, known.round);
        return;
    }
    // Labels of slots that are not among those asked for may go meanwhile: they are not looked at.
    auto [ordered, others] = split(slots, *known.order);
    if (others.empty()) {
        slots = std::move(ordered);
        return;
    }
    std::ranges::sort(others, before);
    slots = merge(ordered, others, before);
    if (slots.size() >= known.order->size()) {
        keep(slots, known.round);
    }
}

SlotOrder::Known SlotOrder::known() const {
    const base::MutexLock lock(mutex_);
    return known_;
}

void SlotOrder::keep(const std::vector<uint32_t>& slots, uint64_t round) {
    auto order = std::make_shared<const Slots>(slots.begin(), slots.end());
    const base::MutexLock lock(mutex_);
    if (round != known_.round) {
        return;
    }
    memory_.add(HeadPart::kSlots,
                bytes_of(*order) - (known_.order == nullptr ? 0 : bytes_of(*known_.order)));
    known_.order = std::move(order);
}

void SlotOrder::forget() {
    const base::MutexLock lock(mutex_);
    ++known_.round;
    if (known_.order != nullptr) {
        memory_.add(HeadPart::kSlots, -bytes_of(*known_.order));
        known_.order = nullptr;
    }
}

}  // namespace tsdb

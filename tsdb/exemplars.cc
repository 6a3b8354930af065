#include "tsdb/exemplars.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/check.h"
#include "base/rune.h"

namespace tsdb {
namespace {

size_t runes(std::string_view text) {
    size_t count = 0;
    for (; !text.empty(); ++count) {
        text.remove_prefix(base::decode_rune(text).length);
    }
    return count;
}

bool labels_too_long(const model::Labels& labels) {
    if (labels.packed().size() <= ExemplarRing::kLabelRunesMax) {
        return false;
    }
    size_t count = 0;
    for (const model::LabelView label : labels) {
        count += runes(label.name) + runes(label.value);
    }
    return count > ExemplarRing::kLabelRunesMax;
}

// Exemplars of one time are told apart by value and labels.
bool before(const model::Exemplar& left, const model::Exemplar& right) {
    return std::tie(left.t, left.v, left.labels) < std::tie(right.t, right.v, right.labels);
}

}  // namespace

ExemplarRing::~ExemplarRing() {
    const base::MutexLock lock(mutex_);
    clear();
}

int64_t ExemplarRing::heap_bytes(const model::Exemplar& exemplar) {
    constexpr size_t kInPlace = 15;  // bytes that a std::string holds without the heap
    const size_t size = exemplar.labels.packed().size();
    return size <= kInPlace ? 0 : static_cast<int64_t>(size + 16);
}

void ExemplarRing::clear() {
    for (uint32_t at = 0; at < ring_.size(); ++at) {
        if (ring_[at].ref != 0) {
            release(at);
        }
    }
    memory_.add(HeadPart::kExemplars, -static_cast<int64_t>(ring_.capacity() * sizeof(Entry)));
    std::vector<Entry>().swap(ring_);
    next_ = 0;
}

void ExemplarRing::set_capacity(uint64_t capacity) {
    const base::MutexLock lock(mutex_);
    const size_t wanted = std::min<uint64_t>(capacity, kCapacityMax);
    if (wanted == capacity_) {
        return;
    }

    struct Kept {
        uint64_t ref;
        uint32_t slot;
        model::Exemplar exemplar;
    };

    std::vector<Kept> kept;  // the newest first
    for (size_t back = 1; back <= ring_.size() && kept.size() < wanted; ++back) {
        Entry& entry = ring_[(next_ + ring_.size() - back) % ring_.size()];
        if (entry.ref != 0) {
            kept.push_back({entry.ref, chains_.at(entry.ref).slot, entry.exemplar});
        }
    }
    clear();
    capacity_ = wanted;
    const uint64_t added = added_;
    for (auto one = kept.rbegin(); one != kept.rend(); ++one) {
        add_locked(one->ref, one->slot, std::move(one->exemplar));
    }
    added_ = added;
}

void ExemplarRing::set_out_of_order_window(int64_t window_ms) {
    const base::MutexLock lock(mutex_);
    window_ms_ = std::max<int64_t>(window_ms, 0);
}

ExemplarVerdict ExemplarRing::judge(uint64_t ref, const model::Exemplar& exemplar) const {
    if (capacity_ == 0) {
        return ExemplarVerdict::kNoRoom;
    }
    if (labels_too_long(exemplar.labels)) {
        return ExemplarVerdict::kLabelsTooLong;
    }
    const auto found = chains_.find(ref);
    if (found == chains_.end()) {
        return ExemplarVerdict::kAdded;
    }
    const model::Exemplar& newest = ring_[found->second.newest].exemplar;
    if (newest == exemplar) {
        return ExemplarVerdict::kDuplicate;
    }
    if (!before(exemplar, newest)) {
        return ExemplarVerdict::kAdded;
    }
    const bool late = exemplar.t < newest.t &&
                      static_cast<uint64_t>(newest.t) - static_cast<uint64_t>(exemplar.t) <
                          static_cast<uint64_t>(window_ms_);
    return late ? ExemplarVerdict::kAdded : ExemplarVerdict::kOutOfOrder;
}

bool ExemplarRing::find_place(const Chain& chain,
                              const model::Exemplar& exemplar,
                              uint32_t& behind) const {
    behind = chain.newest;
    for (size_t steps = 0; behind != kNone && before(exemplar, ring_[behind].exemplar); ++steps) {
        if (steps == kStepsBackMax) {
            return false;
        }
        behind = ring_[behind].older;
    }
    return behind == kNone || ring_[behind].exemplar != exemplar;
}

ExemplarVerdict ExemplarRing::examine(uint64_t ref, const model::Exemplar& exemplar) {
    const base::MutexLock lock(mutex_);
    const ExemplarVerdict verdict = judge(ref, exemplar);
    out_of_order_ += verdict == ExemplarVerdict::kOutOfOrder ? 1 : 0;
    too_long_ += verdict == ExemplarVerdict::kLabelsTooLong ? 1 : 0;
    return verdict;
}

ExemplarVerdict ExemplarRing::add(uint64_t ref, uint32_t slot, model::Exemplar&& exemplar) {
    const base::MutexLock lock(mutex_);
    const ExemplarVerdict verdict = judge(ref, exemplar);
    return verdict == ExemplarVerdict::kAdded ? add_locked(ref, slot, std::move(exemplar))
                                              : verdict;
}

ExemplarVerdict ExemplarRing::add_locked(uint64_t ref, uint32_t slot, model::Exemplar&& exemplar) {
    // First the room, which may cost the series its oldest exemplar, then the place.
    const uint32_t at = free_entry();
    if (at == kNone) {
        return ExemplarVerdict::kNoRoom;
    }
    const auto [found, is_new] = chains_.try_emplace(ref);
    Chain& chain = found->second;
    uint32_t behind = kNone;
    if (is_new) {
        chain.slot = slot;
        memory_.add(HeadPart::kExemplars, kChainBytes);
    } else if (!find_place(chain, exemplar, behind)) {
        return ExemplarVerdict::kOutOfOrder;  // the entry stays free
    }
    memory_.add(HeadPart::kExemplars, heap_bytes(exemplar));
    ring_[at].ref = ref;
    ring_[at].exemplar = std::move(exemplar);
    link(chain, at, behind);
    next_ = at + size_t{1};
    ++stored_;
    ++added_;
    return ExemplarVerdict::kAdded;
}

uint32_t ExemplarRing::free_entry() {
    if (next_ == ring_.size()) {
        if (grow()) {
            return static_cast<uint32_t>(next_);
        }
        if (ring_.empty()) {
            return kNone;
        }
        next_ = 0;
    }
    const auto at = static_cast<uint32_t>(next_);
    if (ring_[at].ref != 0) {
        release(at);
    }
    return at;
}

bool ExemplarRing::grow() {
    if (ring_.size() >= capacity_) {
        return false;
    }
    if (ring_.size() == ring_.capacity()) {
        const size_t entries = std::min(capacity_, std::max(kFirstEntries, ring_.capacity() * 2));
        const auto bytes = static_cast<int64_t>((entries - ring_.capacity()) * sizeof(Entry));
        if (!memory_.probe(bytes)) {
            return false;
        }
        ring_.reserve(entries);
        memory_.add(HeadPart::kExemplars, bytes);
    }
    ring_.emplace_back();
    return true;
}

void ExemplarRing::link(Chain& chain, uint32_t at, uint32_t behind) {
    Entry& entry = ring_[at];
    entry.older = behind;
    entry.newer = behind == kNone ? chain.oldest : ring_[behind].newer;
    (entry.older == kNone ? chain.oldest : ring_[entry.older].newer) = at;
    (entry.newer == kNone ? chain.newest : ring_[entry.newer].older) = at;
}

void ExemplarRing::release(uint32_t at) {
    Entry& entry = ring_[at];
    const auto found = chains_.find(entry.ref);
    SKEIN_CHECK(found != chains_.end(), "every exemplar is in a chain", entry.ref);
    Chain& chain = found->second;
    (entry.older == kNone ? chain.oldest : ring_[entry.older].newer) = entry.newer;
    (entry.newer == kNone ? chain.newest : ring_[entry.newer].older) = entry.older;
    int64_t bytes = heap_bytes(entry.exemplar);
    if (chain.oldest == kNone) {
        chains_.erase(found);
        bytes += kChainBytes;
    }
    entry = Entry();
    --stored_;
    memory_.add(HeadPart::kExemplars, -bytes);
}

void ExemplarRing::drop(std::span<const uint64_t> refs) {
    const base::MutexLock lock(mutex_);
    if (chains_.empty()) {
        return;
    }
    for (const uint64_t ref : refs) {
        for (auto found = chains_.find(ref); found != chains_.end(); found = chains_.find(ref)) {
            release(found->second.oldest);
        }
    }
}

std::vector<ExemplarRing::Series> ExemplarRing::series_between(int64_t min_t, int64_t max_t) const {
    const base::MutexLock lock(mutex_);
    std::vector<Series> series;
    for (const auto& [ref, chain] : chains_) {
        if (ring_[chain.oldest].exemplar.t <= max_t && ring_[chain.newest].exemplar.t >= min_t) {
            series.push_back({.ref = ref, .slot = chain.slot});
        }
    }
    return series;
}

std::vector<model::Exemplar> ExemplarRing::read(uint64_t ref, int64_t min_t, int64_t max_t) const {
    const base::MutexLock lock(mutex_);
    std::vector<model::Exemplar> out;
    const auto found = chains_.find(ref);
    if (found == chains_.end()) {
        return out;
    }
    for (uint32_t at = found->second.oldest; at != kNone; at = ring_[at].newer) {
        const model::Exemplar& exemplar = ring_[at].exemplar;
        if (exemplar.t > max_t) {
            break;
        }
        if (exemplar.t >= min_t) {
            out.push_back(exemplar);
        }
    }
    return out;
}

ExemplarRing::Stats ExemplarRing::stats() const {
    const base::MutexLock lock(mutex_);
    Stats stats{.capacity = capacity_,
                .stored = stored_,
                .series = chains_.size(),
                .added = added_,
                .out_of_order = out_of_order_,
                .too_long = too_long_};
    for (size_t i = 0; i < ring_.size(); ++i) {
        const Entry& entry = ring_[(next_ + i) % ring_.size()];
        if (entry.ref != 0) {
            stats.oldest_t = entry.exemplar.t;
            break;
        }
    }
    return stats;
}

}  // namespace tsdb

#include "tsdb/head/catalog.h"

#include <algorithm>

#include "base/check.h"
#include "tsdb/head/matching.h"

namespace tsdb {

Catalog::Catalog(HeadMemory& memory)
    : symbols_(std::make_shared<Symbols>(memory)),
      shared_symbols_(symbols_),
      sets_(memory, *symbols_),
      labels_(memory, HeadPart::kLabels),
      index_(memory),
      map_(memory) {}

uint32_t Catalog::find(const model::Labels& labels, uint64_t hash) const {
    return map_.find(hash, [&](uint32_t slot) { return is(slot, labels); });
}

Unlinked Catalog::unlink(std::span<const uint32_t> slots) {
    Unlinked unlinked;
    unlinked.slots_.assign(slots.begin(), slots.end());
    while (!slots.empty()) {
        const auto part = slots.first(std::min(slots.size(), kSeriesPerLock));
        unlink_part(part, unlinked.symbols_);
        slots = slots.subspan(part.size());
    }
    const base::MutexLock lock(create_mutex_);
    unlinked.symbols_.insert(unlinked.symbols_.end(), late_symbols_.begin(), late_symbols_.end());
    late_symbols_ = {};
    return unlinked;
}

// First the map: from then on the same labels make a series of their own, which shares the texts
// while the old one is still in the index.
void Catalog::unlink_part(std::span<const uint32_t> slots, std::vector<uint32_t>& forgotten) {
    std::vector<SlotLabels> series;
    series.reserve(slots.size());
    for (const uint32_t slot : slots) {
        const LabelsRef ref = ref_of(slot);
        SKEIN_CHECK(ref != 0, "slot without a series", slot);
        map_.erase(sets_.labels(ref).hash(), slot);
        series.push_back({.slot = slot, .labels = sets_.get(ref)});
    }
    const base::MutexLock lock(create_mutex_);
    changed_.clear();
    index_.remove(series, changed_);
    symbols_->release(changed_, forgotten);
}

void Catalog::recycle(Unlinked&& unlinked) {
    const Unlinked gone = std::move(unlinked);
    std::span<const uint32_t> slots = gone.slots();
    while (!slots.empty()) {
        const auto part = slots.first(std::min(slots.size(), kSeriesPerLock));
        recycle_part(part);
        slots = slots.subspan(part.size());
    }
    std::span<const uint32_t> symbols = gone.symbols_;
    while (!symbols.empty()) {
        const auto part = symbols.first(std::min(symbols.size(), kSeriesPerLock));
        symbols_->recycle(part);
        symbols = symbols.subspan(part.size());
    }
}

void Catalog::recycle_part(std::span<const uint32_t> slots) {
    const base::MutexLock lock(create_mutex_);
    for (const uint32_t slot : slots) {
        sets_.recycle(ref_of(slot), late_symbols_);
        labels_.set(slot, 0);
    }
}

base::Result<SlotSet> Catalog::match(std::span<const model::Matcher> matchers,
                                     const model::QueryContext& context) const {
    const MatchSource source{.index = index_,
                             .symbols = *symbols_,
                             .labels_of = [this](uint32_t slot) { return labels_of(slot); }};
    return match_series(source, matchers, context);
}

base::Status Catalog::check_texts(const model::Labels& labels) {
    for (const auto& label : labels) {
        if (label.name.size() > Symbols::kTextMax || label.value.size() > Symbols::kTextMax) {
            return base::fail(base::Code::kLimit,
                              "a label name or value is longer than",
                              Symbols::kTextMax,
                              "bytes; drop it with relabelling");
        }
    }
    return base::success();
}

LabelsRef Catalog::store(uint32_t slot, const model::Labels& labels) {
    const LabelsRef set = sets_.add(labels);
    labels_.set(slot, set);
    return set;
}

void Catalog::link(uint32_t slot, LabelsRef set) {
    changed_.clear();
    index_.add(slot, sets_.get(set), &changed_);
    symbols_->retain(changed_);
}

}  // namespace tsdb

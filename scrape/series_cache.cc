#include "scrape/series_cache.h"

#include <algorithm>
#include <bit>

namespace scrape {
namespace {

constexpr uint32_t kNearby = 8;  // entries looked at before an index is built
constexpr size_t kSlotsMin = 64;

bool is(const SeriesCache::Entry& entry, uint64_t hash, uint32_t length) {
    return entry.hash == hash && entry.length == length;
}

}  // namespace

uint64_t SeriesCache::Index::build(const std::vector<Entry>& entries) {
    grow(entries, std::bit_ceil(std::max(kSlotsMin, entries.size() * 2)));
    return ++build_;
}

void SeriesCache::Index::grow(const std::vector<Entry>& entries, size_t slots) {
    slots_.assign(slots, kNone);
    mask_ = slots - 1;
    used_ = 0;
    for (uint32_t position = 0; position < entries.size(); ++position) {
        place(entries[position].hash, position);
    }
}

void SeriesCache::Index::place(uint64_t hash, uint32_t position) {
    size_t slot = hash & mask_;
    while (slots_[slot] != kNone) {
        slot = (slot + 1) & mask_;
    }
    slots_[slot] = position;
    ++used_;
}

uint32_t SeriesCache::Index::find(const std::vector<Entry>& entries,
                                  uint64_t hash,
                                  uint32_t length) const {
    for (size_t slot = hash & mask_; slots_[slot] != kNone; slot = (slot + 1) & mask_) {
        if (is(entries[slots_[slot]], hash, length)) {
            return slots_[slot];
        }
    }
    return kNone;
}

void SeriesCache::Index::insert(const std::vector<Entry>& entries, uint32_t position) {
    if ((used_ + 1) * 2 > slots_.size()) {
        grow(entries, slots_.size() * 2);  // takes the new entry in, too
        return;
    }
    place(entries[position].hash, position);
}

void SeriesCache::Index::shrink() {
    if (slots_.capacity() > kKeepSlots) {
        slots_ = {};
        ++build_;
    }
}

void SeriesCache::begin(Walk& walk) {
    ++pass_;
    walk.cursor = 0;
    walk.kept = 0;
    walk.in_step = true;
    walk.index = 0;
    walk.order.clear();
}

void SeriesCache::leave_step(Walk& walk) {
    if (!walk.in_step) {
        return;
    }
    walk.in_step = false;
    for (uint32_t position = 0; position < walk.cursor; ++position) {
        walk.order.push_back(position);
    }
}

uint32_t SeriesCache::find(Walk& walk, Index& index, uint64_t hash, uint32_t length) {
    const auto size = static_cast<uint32_t>(entries_.size());
    const uint32_t from = walk.cursor > 0 ? walk.cursor - 1 : 0;
    const uint32_t to = std::min(size, walk.cursor + kNearby);
    for (uint32_t position = from; position < to; ++position) {
        if (is(entries_[position], hash, length)) {
            return position;
        }
    }
    if (!index.holds(walk.index)) {
        walk.index = index.build(entries_);
    }
    return index.find(entries_, hash, length);
}

bool SeriesCache::take_found(Walk& walk, uint32_t position) {
    if (walk.in_step && position == walk.cursor) {
        return take_expected(walk);  // expected, but its line had to be parsed
    }
    leave_step(walk);
    walk.cursor = position;
    return take_expected(walk);
}

uint32_t SeriesCache::add(Walk& walk,
                          Index& index,
                          uint64_t hash,
                          uint32_t length,
                          model::SeriesHandle series,
                          bool dropped) {
    const auto position = static_cast<uint32_t>(entries_.size());
    if (!walk.in_step || walk.cursor != position) {
        leave_step(walk);
        walk.order.push_back(position);
    } else {
        ++walk.cursor;  // a page that grows at its end stays in step
    }
    entries_.push_back(Entry{.hash = hash,
                             .series = series,
                             .length = length & 0xffffff,
                             .tracked = 0,
                             .tracked_now = 0,
                             .dropped = dropped ? 1U : 0U,
                             .unused = 0,
                             .seen = pass_});
    if (index.holds(walk.index)) {
        index.insert(entries_, position);
    }
    return position;
}

void SeriesCache::settle(Walk& walk) {
    if (walk.in_step) {
        entries_.resize(walk.cursor);
        if (entries_.capacity() > entries_.size() + entries_.size() / 8) {
            entries_.shrink_to_fit();
        }
    } else {
        // The mark of a moved entry is a pass number of its own; then all get this pass' number.
        std::vector<Entry> ordered;
        ordered.reserve(walk.order.size());
        const uint32_t moved = pass_ - 1;
        for (const uint32_t position : walk.order) {
            Entry& entry = entries_[position];
            if (entry.seen == pass_) {
                ordered.push_back(entry);
                entry.seen = moved;
            }
        }
        if (ordered.capacity() > ordered.size() + ordered.size() / 8) {
            ordered.shrink_to_fit();
        }
        entries_ = std::move(ordered);
    }
    good_size_ = entries_.size();
    walk.order.clear();
    walk.in_step = true;
}

void SeriesCache::forget_unseen() {
    std::erase_if(entries_, [this](const Entry& entry) { return entry.seen != pass_; });
    entries_.shrink_to_fit();
}

bool SeriesCache::flush_if_grown(size_t other_entries) {
    if (entries_.size() + other_entries <= 2 * good_size_ + kFlushSlack) {
        return false;
    }
    forget_unseen();
    return true;
}

}  // namespace scrape

#include "tsdb/head/label_index.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace tsdb {
namespace {

constexpr int64_t kNameBytes = 128;     // a name's own entry, about
constexpr size_t kUnionPerLock = 1024;  // lists united per lock hold
constexpr size_t kListsMin = 2;
constexpr uint32_t kListBit = uint32_t{1} << 31;

// Multiplying by an odd number can be undone: a cell's hash tells its value.
constexpr uint32_t kMix = 0x9e3779b1;

constexpr uint32_t inverse(uint32_t odd) {
    uint32_t x = odd;  // right in its low three bits; each round doubles them
    for (int round = 0; round < 4; ++round) {
        x *= 2 - odd * x;
    }
    return x;
}

constexpr uint32_t kUnmix = inverse(kMix);
static_assert(kMix * kUnmix == 1);

bool any_entry(uint32_t /*entry*/) {
    return true;
}

// Vectors of lists grow by a quarter and give back what is half empty.
int64_t resize_lists(std::vector<PostingList>& lists, size_t capacity) {
    const size_t before = lists.capacity();
    std::vector<PostingList> moved;
    moved.reserve(capacity);
    for (PostingList& list : lists) {
        moved.push_back(std::move(list));
    }
    lists = std::move(moved);
    return (static_cast<int64_t>(capacity) - static_cast<int64_t>(before)) *
           int64_t{sizeof(PostingList)};
}

int64_t make_room(std::vector<PostingList>& lists) {
    const size_t size = lists.size();
    return size < lists.capacity() ? 0
                                   : resize_lists(lists, std::max(kListsMin, size + size / 4 + 1));
}

int64_t give_back_room(std::vector<PostingList>& lists) {
    const size_t size = lists.size();
    if (size == 0 || size >= lists.capacity() / 2) {
        return size == 0 ? resize_lists(lists, 0) : 0;
    }
    return resize_lists(lists, std::max(kListsMin, size + size / 4));
}

}  // namespace

uint32_t LabelIndex::Postings::size() const {
    if (list != nullptr) {
        return list->size();
    }
    return slot == CellTable::kNone ? 0 : 1;
}

LabelIndex::LabelIndex(HeadMemory& memory) : memory_(memory) {
    memory_.add(HeadPart::kPostings, all_.bytes());
}

void LabelIndex::add(uint32_t slot, const LabelSet& labels, std::vector<uint32_t>* begun) {
    const base::MutexLock lock(mutex_);
    int64_t grown = 0;
    labels_ += labels.names.size();
    for (size_t i = 0; i < labels.names.size(); ++i) {
        const auto [at, is_new] = names_.try_emplace(labels.names[i]);
        grown += is_new ? kNameBytes : 0;
        grown += add_to(at->second, labels.values[i], slot, begun);
    }
    grown += all_.add(slot);
    memory_.add(HeadPart::kPostings, grown);
}

void LabelIndex::remove(std::span<const SlotLabels> series, std::vector<uint32_t>& ended) {
    const base::MutexLock lock(mutex_);
    int64_t grown = 0;
    for (const SlotLabels& one : series) {
        labels_ -= one.labels.names.size();
        for (size_t i = 0; i < one.labels.names.size(); ++i) {
            const auto name = names_.find(one.labels.names[i]);
            SKEIN_CHECK(name != names_.end(), "series is not in the index", one.slot);
            grown += remove_from(name->second, one.labels.values[i], one.slot, ended);
            if (name->second.cells.size() == 0) {
                names_.erase(name);
                grown -= kNameBytes;
            }
        }
        grown += all_.remove(one.slot);
    }
    if (pairs_ == 0 && all_.set().empty()) {
        grown -= all_.bytes();
        all_ = MeasuredSlotSet();
        grown += all_.bytes();
    }
    memory_.add(HeadPart::kPostings, grown);
}

int64_t LabelIndex::add_to(Name& name,
                           uint32_t value,
                           uint32_t slot,
                           std::vector<uint32_t>* begun) {
    CellTable::Cell* const cell = name.cells.locate(value * kMix, any_entry);
    if (cell == nullptr) {
        ++pairs_;
        if (begun != nullptr) {
            begun->push_back(value);
        }
        return name.cells.insert(value * kMix, slot);
    }
    if ((cell->entry & kListBit) != 0) {
        return name.lists[cell->entry & ~kListBit].add(slot);
    }
    int64_t grown = make_room(name.lists);
    PostingList& list = name.lists.emplace_back(value);
    grown += list.add(cell->entry);
    grown += list.add(slot);
    cell->entry = kListBit | static_cast<uint32_t>(name.lists.size() - 1);
    return grown;
}

int64_t LabelIndex::remove_from(Name& name,
                                uint32_t value,
                                uint32_t slot,
                                std::vector<uint32_t>& ended) {
    CellTable::Cell* const cell = name.cells.locate(value * kMix, any_entry);
    SKEIN_CHECK(cell != nullptr, "series is not in the index", slot);
    if ((cell->entry & kListBit) == 0) {
        SKEIN_CHECK(cell->entry == slot, "series is not in its value's list", slot);
        --pairs_;
        ended.push_back(value);
        return name.cells.erase(cell);
    }
    const uint32_t place = cell->entry & ~kListBit;
    int64_t grown = name.lists[place].remove(slot);
    if (name.lists[place].size() > 1) {
        return grown;
    }
    // One slot needs no list; the last list takes the place.
    cell->entry = name.lists[place].first();
    if (place + 1 < name.lists.size()) {
        name.lists[place] = std::move(name.lists.back());
        name.cells.locate(name.lists[place].value() * kMix, any_entry)->entry = kListBit | place;
    }
    name.lists.pop_back();
    return grown + give_back_room(name.lists);
}

SlotSet LabelIndex::all() const {
    const base::MutexLock lock(mutex_);
    return all_.set().copy();
}

std::vector<uint32_t> LabelIndex::names() const {
    const base::MutexLock lock(mutex_);
    std::vector<uint32_t> names;
    names.reserve(names_.size());
    for (const auto& [name, values] : names_) {
        names.push_back(name);
    }
    return names;
}

std::vector<ValueCount> LabelIndex::values(uint32_t name) const {
    const base::MutexLock lock(mutex_);
    std::vector<ValueCount> values;
    const auto found = names_.find(name);
    if (found == names_.end()) {
        return values;
    }
    const Name& of_name = found->second;
    values.reserve(of_name.cells.size());
    of_name.cells.for_each([&](uint32_t hash, uint32_t entry) {
        const bool many = (entry & kListBit) != 0;
        values.push_back(
            {.value = hash * kUnmix, .series = many ? of_name.lists[entry & ~kListBit].size() : 1});
    });
    return values;
}

size_t LabelIndex::value_count(uint32_t name) const {
    const base::MutexLock lock(mutex_);
    const auto found = names_.find(name);
    return found == names_.end() ? 0 : found->second.cells.size();
}

size_t LabelIndex::pairs() const {
    const base::MutexLock lock(mutex_);
    return pairs_;
}

size_t LabelIndex::labels() const {
    const base::MutexLock lock(mutex_);
    return labels_;
}

SlotSet LabelIndex::with_any(uint32_t name, std::span<const uint32_t> values) const {
    SlotSet set;
    while (!values.empty()) {
        const auto part = values.first(std::min(values.size(), kUnionPerLock));
        const base::MutexLock lock(mutex_);
        unite(set, name, part);
        values = values.subspan(part.size());
    }
    return set;
}

SlotSet LabelIndex::with_all(std::span<const AnyOf> conditions) const {
    const base::MutexLock lock(mutex_);
    std::vector<std::pair<uint64_t, const AnyOf*>> order;
    for (const AnyOf& condition : conditions) {
        order.emplace_back(count(condition), &condition);
    }
    std::ranges::sort(order);
    SlotSet set;
    unite(set, order.front().second->name, order.front().second->values);
    for (size_t i = 1; i < order.size() && !set.empty(); ++i) {
        intersect(set, *order[i].second);
    }
    return set;
}

LabelIndex::Postings LabelIndex::find(uint32_t name, uint32_t value) const {
    const auto at = names_.find(name);
    if (at == names_.end()) {
        return {};
    }
    const uint32_t entry = at->second.cells.find(value * kMix, any_entry);
    if (entry == CellTable::kNone || (entry & kListBit) == 0) {
        return {.slot = entry};
    }
    return {.list = &at->second.lists[entry & ~kListBit]};
}

uint64_t LabelIndex::count(const AnyOf& condition) const {
    uint64_t sum = 0;
    for (const uint32_t value : condition.values) {
        sum += find(condition.name, value).size();
    }
    return sum;
}

void LabelIndex::intersect(SlotSet& set, const AnyOf& condition) const {
    if (condition.values.size() == 1) {
        const Postings postings = find(condition.name, condition.values.front());
        if (postings.list != nullptr) {
            postings.list->intersect_into(set);
            return;
        }
    }
    SlotSet any;
    unite(any, condition.name, condition.values);
    set.intersect(any);
}

void LabelIndex::unite(SlotSet& set, uint32_t name, std::span<const uint32_t> values) const {
    std::vector<uint32_t> single;
    for (const uint32_t value : values) {
        const Postings postings = find(name, value);
        if (postings.list != nullptr) {
            postings.list->union_into(set);
        } else if (postings.slot != CellTable::kNone) {
            single.push_back(postings.slot);
        }
    }
    std::ranges::sort(single);
    set.add(single);
}

}  // namespace tsdb

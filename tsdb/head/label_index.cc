#include "tsdb/head/label_index.h"

#include <algorithm>
#include <bit>

namespace tsdb {
namespace {

constexpr size_t kTableMin = 4;
constexpr int64_t kNameBytes = 128;        // a name's own entry, about
constexpr size_t kUnionPerLock = 1024;     // lists united per lock hold
constexpr uint64_t kOptimizeEvery = 4096;  // series between two rewrites of the set of all

size_t hash_of(uint32_t value) {
    return (uint64_t{value} * 0x9e3779b97f4a7c15ULL) >> 32;
}

}  // namespace

void LabelIndex::add(uint32_t slot, const LabelSet& labels) {
    const base::MutexLock lock(mutex_);
    int64_t grown = 0;
    for (size_t i = 0; i < labels.names.size(); ++i) {
        grown += list_of(labels.names[i], labels.values[i]).add(slot);
    }
    all_.add(slot);
    if (++series_ % kOptimizeEvery == 0) {
        all_.optimize();
    }
    memory_.add(HeadPart::kPostings, grown);
}

SlotSet LabelIndex::all() const {
    const base::MutexLock lock(mutex_);
    return all_.copy();
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
    values.reserve(found->second.lists.size());
    for (const PostingList& list : found->second.lists) {
        values.push_back({.value = list.value(), .series = list.size()});
    }
    return values;
}

size_t LabelIndex::pairs() const {
    const base::MutexLock lock(mutex_);
    return pairs_;
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

PostingList& LabelIndex::list_of(uint32_t name, uint32_t value) {
    auto [at, is_new] = names_.try_emplace(name);
    Name& values = at->second;
    if (is_new) {
        memory_.add(HeadPart::kPostings, kNameBytes);
    }
    if (values.table.size() < (values.lists.size() + 1) * 4 / 3 + 1) {
        grow(values);
    }
    const size_t mask = values.table.size() - 1;
    size_t cell = hash_of(value) & mask;
    while (values.table[cell] != 0) {
        PostingList& list = values.lists[values.table[cell] - 1];
        if (list.value() == value) {
            return list;
        }
        cell = (cell + 1) & mask;
    }
    ++pairs_;
    values.lists.emplace_back(value);
    values.table[cell] = static_cast<uint32_t>(values.lists.size());
    return values.lists.back();
}

const PostingList* LabelIndex::find(uint32_t name, uint32_t value) const {
    const auto at = names_.find(name);
    if (at == names_.end()) {
        return nullptr;
    }
    const Name& values = at->second;
    const size_t mask = values.table.size() - 1;
    for (size_t cell = hash_of(value) & mask; values.table[cell] != 0; cell = (cell + 1) & mask) {
        const PostingList& list = values.lists[values.table[cell] - 1];
        if (list.value() == value) {
            return &list;
        }
    }
    return nullptr;
}

void LabelIndex::grow(Name& name) {
    const size_t before = name.table.size();
    name.table.assign(before == 0 ? kTableMin : before * 2, 0);
    const size_t mask = name.table.size() - 1;
    for (size_t i = 0; i < name.lists.size(); ++i) {
        size_t cell = hash_of(name.lists[i].value()) & mask;
        while (name.table[cell] != 0) {
            cell = (cell + 1) & mask;
        }
        name.table[cell] = static_cast<uint32_t>(i + 1);
    }
    const size_t lists = name.table.size() * 3 / 4;
    const size_t lists_before = name.lists.capacity();
    name.lists.reserve(lists);
    memory_.add(HeadPart::kPostings,
                static_cast<int64_t>((name.table.size() - before) * sizeof(uint32_t) +
                                     (name.lists.capacity() - lists_before) * sizeof(PostingList)));
}

uint64_t LabelIndex::count(const AnyOf& condition) const {
    uint64_t sum = 0;
    for (const uint32_t value : condition.values) {
        const PostingList* const list = find(condition.name, value);
        sum += list == nullptr ? 0 : list->size();
    }
    return sum;
}

void LabelIndex::intersect(SlotSet& set, const AnyOf& condition) const {
    if (condition.values.size() != 1) {
        SlotSet any;
        unite(any, condition.name, condition.values);
        set.intersect(any);
        return;
    }
    const PostingList* const list = find(condition.name, condition.values.front());
    if (list == nullptr) {
        set = SlotSet();
        return;
    }
    list->intersect_into(set);
}

void LabelIndex::unite(SlotSet& set, uint32_t name, std::span<const uint32_t> values) const {
    for (const uint32_t value : values) {
        if (const PostingList* const list = find(name, value); list != nullptr) {
            list->union_into(set);
        }
    }
}

}  // namespace tsdb

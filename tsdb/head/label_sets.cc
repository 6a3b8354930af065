#include "tsdb/head/label_sets.h"

#include <algorithm>

#include "base/check.h"
#include "base/checksum.h"

namespace tsdb {
namespace {

// A node and its share of the buckets, roughly.
constexpr int64_t kShapeEntryBytes = 96;

uint64_t hash_of(std::span<const uint32_t> names) {
    return base::hash64(
        base::ByteView(reinterpret_cast<const uint8_t*>(names.data()), names.size_bytes()));
}

// Of a set with so many values of its own, or a list of so many names.
size_t words_bytes(size_t count) {
    return (2 + count) * sizeof(uint32_t);
}

}  // namespace

LabelSets::LabelSets(HeadMemory& memory, Symbols& symbols)
    : memory_(memory), symbols_(symbols), arena_(memory, HeadPart::kLabels) {
    const uint32_t no_place = arena_.allocate(sizeof(uint32_t));
    SKEIN_CHECK(no_place == 0, "arena does not begin at 0", no_place);
}

LabelsRef LabelSets::add(const model::Labels& labels) {
    names_.clear();
    values_.clear();
    for (const auto& label : labels) {
        names_.push_back(symbols_.intern(label.name));
        values_.push_back(symbols_.intern(label.value));
    }
    Shape& shape = shape_of(names_);
    // A set of which two fifths at most are its own reads the rest from another one: more would
    // make the first series of a target pass for one of the target before.
    const size_t own_max = names_.size() <= kLikeNamesMax ? names_.size() * 2 / 5 : 0;
    uint32_t best = 0;
    uint32_t best_mask = 0;
    size_t best_own = own_max + 1;
    for (const uint32_t model : shape.models) {
        if (model == 0 || own_max == 0) {
            continue;
        }
        const uint32_t mask = differences(model);
        if (const auto own = static_cast<size_t>(std::popcount(mask)); own < best_own) {
            best = model;
            best_mask = mask;
            best_own = own;
        }
    }
    return best == 0 ? add_whole(shape) : add_like(best, best_mask);
}

LabelsRef LabelSets::add_whole(Shape& shape) {
    const LabelsRef ref = arena_.allocate(words_bytes(values_.size()));
    uint32_t* const set = words(ref);
    set[0] = shape.position;
    set[1] = 1;
    std::ranges::copy(values_, set + kHeader);
    ++words(shape.position)[1];
    shape.models[shape.next_model++ % kModels] = ref;
    return ref;
}

LabelsRef LabelSets::add_like(uint32_t model, uint32_t mask) {
    const LabelsRef ref = arena_.allocate(words_bytes(static_cast<size_t>(std::popcount(mask))));
    uint32_t* const set = words(ref);
    set[0] = kLike | model;
    set[1] = mask;
    uint32_t* own = set + kHeader;
    for (size_t i = 0; i < values_.size(); ++i) {
        if ((mask >> i & 1) != 0) {
            *own++ = values_[i];
        }
    }
    ++words(model)[1];
    return ref;
}

// A bit for each of values_ that is not the model's.
uint32_t LabelSets::differences(uint32_t model) const {
    const uint32_t* const values = words(model) + kHeader;
    uint32_t mask = 0;
    for (size_t i = 0; i < values_.size(); ++i) {
        mask |= uint32_t{values[i] != values_[i]} << i;
    }
    return mask;
}

void LabelSets::recycle(LabelsRef ref, std::vector<uint32_t>& forgotten) {
    const uint32_t* const set = words(ref);
    uint32_t whole = ref;
    if ((set[0] & kLike) != 0) {
        whole = set[0] & ~kLike;
        arena_.recycle(ref, words_bytes(static_cast<size_t>(std::popcount(set[1]))));
    }
    uint32_t& readers = words(whole)[1];
    SKEIN_CHECK(readers > 0, "label set recycled twice", ref);
    if (--readers == 0) {
        drop_whole(whole, forgotten);
    }
}

void LabelSets::drop_whole(uint32_t position, std::vector<uint32_t>& forgotten) {
    const uint32_t shape = words(position)[0];
    const auto names = names_of_shape(shape);
    const auto entry = find_shape(names);
    SKEIN_CHECK(entry != shapes_.end(), "list of names is not in the table", shape);
    std::ranges::replace(entry->second.models, position, uint32_t{0});
    arena_.recycle(position, words_bytes(names.size()));
    if (--words(shape)[1] == 0) {
        symbols_.release(names, forgotten);
        shapes_.erase(entry);
        memory_.add(HeadPart::kLabels, -kShapeEntryBytes);
        arena_.recycle(shape, words_bytes(names.size()));
    }
}

LabelSet LabelSets::get(LabelsRef ref) const {
    const uint32_t* const set = words(ref);
    if ((set[0] & kLike) == 0) {
        return {.names = names_of_shape(set[0]), .values = LabelValues(set + kHeader)};
    }
    const uint32_t* const model = words(set[0] & ~kLike);
    return {.names = names_of_shape(model[0]),
            .values = LabelValues(set + kHeader, set[1], model + kHeader)};
}

bool LabelSets::equals(LabelsRef ref, const model::Labels& labels) const {
    const LabelSet set = get(ref);
    if (set.names.size() != labels.size()) {
        return false;
    }
    size_t i = 0;
    for (const auto& label : labels) {
        if (symbols_.text(set.values[i]) != label.value ||
            symbols_.text(set.names[i]) != label.name) {
            return false;
        }
        ++i;
    }
    return true;
}

model::Labels LabelSets::labels(LabelsRef ref) const {
    const LabelSet set = get(ref);
    std::vector<model::LabelView> views;
    views.reserve(set.names.size());
    for (size_t i = 0; i < set.names.size(); ++i) {
        views.push_back(
            {.name = symbols_.text(set.names[i]), .value = symbols_.text(set.values[i])});
    }
    return model::Labels::from_sorted(views);
}

LabelSets::Shape& LabelSets::shape_of(std::span<const uint32_t> names) {
    if (const auto found = find_shape(names); found != shapes_.end()) {
        return found->second;
    }
    const uint32_t position = arena_.allocate(words_bytes(names.size()));
    uint32_t* const shape = words(position);
    shape[0] = static_cast<uint32_t>(names.size());
    shape[1] = 0;
    std::ranges::copy(names, shape + kHeader);
    symbols_.retain(names);
    memory_.add(HeadPart::kLabels, kShapeEntryBytes);
    return shapes_.emplace(hash_of(names), Shape{.position = position})->second;
}

LabelSets::Shapes::iterator LabelSets::find_shape(std::span<const uint32_t> names) {
    const auto [first, last] = shapes_.equal_range(hash_of(names));
    const auto found = std::find_if(first, last, [&](const auto& entry) {
        return std::ranges::equal(names_of_shape(entry.second.position), names);
    });
    return found == last ? shapes_.end() : found;
}

}  // namespace tsdb

#include "tsdb/head/label_sets.h"

#include <algorithm>
#include <cstring>

#include "base/checksum.h"

namespace tsdb {
namespace {

// A node and its share of the buckets, roughly.
constexpr int64_t kShapeEntryBytes = 48;

}  // namespace

LabelSets::LabelSets(HeadMemory& memory, Symbols& symbols)
    : memory_(memory), symbols_(symbols), arena_(memory, HeadPart::kLabels) {}

LabelsRef LabelSets::add(const model::Labels& labels) {
    names_.clear();
    values_.clear();
    for (const auto& label : labels) {
        names_.push_back(symbols_.intern(label.name));
        values_.push_back(symbols_.intern(label.value));
    }
    const uint32_t shape = shape_of(names_);
    const LabelsRef ref = arena_.allocate((1 + values_.size()) * sizeof(uint32_t));
    uint8_t* const at = arena_.at(ref);
    std::memcpy(at, &shape, sizeof shape);
    if (!values_.empty()) {
        std::memcpy(at + sizeof shape, values_.data(), values_.size() * sizeof(uint32_t));
    }
    return ref;
}

LabelSet LabelSets::get(LabelsRef ref) const {
    const uint32_t* const set = words(ref);
    const uint32_t* const shape = words(set[0]);
    const uint32_t count = shape[0];
    return {.names = {shape + 1, count}, .values = {set + 1, count}};
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

uint32_t LabelSets::shape_of(std::span<const uint32_t> names) {
    const uint64_t hash = base::hash64(
        base::ByteView(reinterpret_cast<const uint8_t*>(names.data()), names.size_bytes()));
    const auto [first, last] = shapes_.equal_range(hash);
    for (auto it = first; it != last; ++it) {
        const uint32_t* const shape = words(it->second);
        if (std::ranges::equal(std::span(shape + 1, shape[0]), names)) {
            return it->second;
        }
    }
    const uint32_t position = arena_.allocate((1 + names.size()) * sizeof(uint32_t));
    const auto count = static_cast<uint32_t>(names.size());
    uint8_t* const at = arena_.at(position);
    std::memcpy(at, &count, sizeof count);
    if (!names.empty()) {
        std::memcpy(at + sizeof count, names.data(), names.size_bytes());
    }
    shapes_.emplace(hash, position);
    memory_.add(HeadPart::kLabels, kShapeEntryBytes);
    return position;
}

}  // namespace tsdb

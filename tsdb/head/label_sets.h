// The labels of every series: the list of its names, shared by all series that have the same ones,
// and its values, as symbols. Ten labels take 44 bytes.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/sync.h"
#include "model/labels.h"
#include "tsdb/head/block_arena.h"
#include "tsdb/head/symbols.h"

namespace tsdb {

// Where a series' labels lie.
using LabelsRef = uint32_t;

// Names and values of one series, in the order of the names' texts. Immutable.
struct LabelSet {
    std::span<const uint32_t> names;
    std::span<const uint32_t> values;

    // The symbol of the value of `name`, or Symbols::kNone.
    [[nodiscard]] uint32_t value_of(uint32_t name) const {
        for (size_t i = 0; i < names.size(); ++i) {
            if (names[i] == name) {
                return values[i];
            }
        }
        return Symbols::kNone;
    }
};

//   threads  add(): one at a time (the caller's lock); get(): any, for refs that were handed over
//            with a release/acquire pair
class LabelSets {
  public:
    LabelSets(HeadMemory& memory, Symbols& symbols);

    // Interns the texts and stores the set.
    [[nodiscard]] LabelsRef add(const model::Labels& labels);
    [[nodiscard]] LabelSet get(LabelsRef ref) const;
    // Whether the set is `labels`.
    [[nodiscard]] bool equals(LabelsRef ref, const model::Labels& labels) const;
    // The set as texts.
    [[nodiscard]] model::Labels labels(LabelsRef ref) const;

  private:
    // In arena_: a shape is {count, name…}, a set {shape's position, value…}.
    [[nodiscard]] uint32_t shape_of(std::span<const uint32_t> names);

    [[nodiscard]] const uint32_t* words(uint32_t position) const {
        return reinterpret_cast<const uint32_t*>(arena_.at(position));
    }

    HeadMemory& memory_;
    Symbols& symbols_;
    BlockArena arena_;
    std::unordered_multimap<uint64_t, uint32_t> shapes_;  // hash of the names -> position
    std::vector<uint32_t> names_;                         // scratch of add()
    std::vector<uint32_t> values_;
};

}  // namespace tsdb

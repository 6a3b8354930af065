// The labels of every series: the list of its names, shared by all series that have the same ones,
// and its values, as symbols. Of ten labels that share six with their like four are kept: 24 bytes.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/sync.h"
#include "model/labels.h"
#include "tsdb/head/block_arena.h"
#include "tsdb/head/symbols.h"

namespace tsdb {

// Where a series' labels lie; 0 is no place.
using LabelsRef = uint32_t;

// The values of a set, in the order of its names: its own, and those of its model where it has
// none.
class LabelValues {
  public:
    // All are its own.
    explicit LabelValues(const uint32_t* own) : own_(own) {}

    // Its own are those with a bit in `mask`.
    LabelValues(const uint32_t* own, uint32_t mask, const uint32_t* model)
        : own_(own), model_(model), mask_(mask) {}

    uint32_t operator[](size_t i) const {
        if (model_ == nullptr) {
            return own_[i];
        }
        const uint32_t bit = uint32_t{1} << i;
        return (mask_ & bit) == 0 ? model_[i] : own_[std::popcount(mask_ & (bit - 1))];
    }

  private:
    const uint32_t* own_;
    const uint32_t* model_ = nullptr;
    uint32_t mask_ = 0;
};

// Names and values of one series, in the order of the names' texts. Immutable until recycled.
struct LabelSet {
    std::span<const uint32_t> names;
    LabelValues values;

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

//   threads  add() and recycle(): one at a time (the caller's lock); the others: any, for refs that
//            were handed over with a release/acquire pair
class LabelSets {
  public:
    LabelSets(HeadMemory& memory, Symbols& symbols);

    // Interns the texts and stores the set. A list of names that is new uses the names' symbols;
    // using those of the values is the caller's.
    [[nodiscard]] LabelsRef add(const model::Labels& labels);
    // The set's memory is free; nobody may look at it any more. With the last set of a list of
    // names the list goes: names that nobody uses then are forgotten and added to `forgotten`.
    void recycle(LabelsRef ref, std::vector<uint32_t>& forgotten);

    [[nodiscard]] LabelSet get(LabelsRef ref) const;

    // Asks for the set's own memory ahead of get().
    void prefetch(LabelsRef ref) const { __builtin_prefetch(arena_.at(ref)); }

    // Whether the set is `labels`.
    [[nodiscard]] bool equals(LabelsRef ref, const model::Labels& labels) const;
    // The set as texts.
    [[nodiscard]] model::Labels labels(LabelsRef ref) const;

  private:
    // In arena_, in words:
    //   a shape     {count of names, whole sets that have it, name…}
    //   a whole set {shape's position, sets that read it and itself, value…}
    //   a like set  {kLike | its model's position, mask of its own values, own value…}
    // A whole set that is recycled stays while another one reads it.
    static constexpr size_t kHeader = 2;
    static constexpr uint32_t kLike = uint32_t{1} << 31;
    static_assert(BlockArena::kBlocksMax * BlockArena::kUnitsPerBlock <= kLike);
    static constexpr size_t kLikeNamesMax = 32;  // bits of the mask
    static constexpr size_t kModels = 8;

    // A list of names, and the last whole sets with it: what new ones are compared to.
    struct Shape {
        uint32_t position;
        std::array<uint32_t, kModels> models{};
        size_t next_model = 0;
    };

    using Shapes = std::unordered_multimap<uint64_t, Shape>;  // by the hash of the names

    [[nodiscard]] Shape& shape_of(std::span<const uint32_t> names);
    [[nodiscard]] Shapes::iterator find_shape(std::span<const uint32_t> names);
    [[nodiscard]] LabelsRef add_whole(Shape& shape);
    [[nodiscard]] LabelsRef add_like(uint32_t model, uint32_t mask);
    [[nodiscard]] uint32_t differences(uint32_t model) const;
    void drop_whole(uint32_t position, std::vector<uint32_t>& forgotten);

    [[nodiscard]] uint32_t* words(uint32_t position) const {
        return reinterpret_cast<uint32_t*>(arena_.at(position));
    }

    [[nodiscard]] std::span<const uint32_t> names_of_shape(uint32_t position) const {
        const uint32_t* const shape = words(position);
        return {shape + kHeader, shape[0]};
    }

    HeadMemory& memory_;
    Symbols& symbols_;
    BlockArena arena_;
    Shapes shapes_;
    std::vector<uint32_t> names_;  // scratch of add()
    std::vector<uint32_t> values_;
};

}  // namespace tsdb

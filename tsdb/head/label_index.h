// Which series have which label values: name -> value -> slots.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/sync.h"
#include "tsdb/head/cell_table.h"
#include "tsdb/head/label_sets.h"
#include "tsdb/head/memory.h"
#include "tsdb/head/posting_list.h"
#include "tsdb/head/slot_set.h"

namespace tsdb {

// A label value and how many series have it.
struct ValueCount {
    uint32_t value;
    uint32_t series;
};

// A series and its labels.
struct SlotLabels {
    uint32_t slot;
    LabelSet labels;
};

// A value that one series has costs its eight-byte cell alone; a list is made for the second.
//   threads  any. Regular expressions run without the lock; a lock is held for memory work only.
class LabelIndex {
  public:
    explicit LabelIndex(HeadMemory& memory);

    LabelIndex(const LabelIndex&) = delete;
    LabelIndex& operator=(const LabelIndex&) = delete;

    // Adds a series that is not in the index.
    //   begun  unless null, the symbol of the value of every pair of a name and a value that was
    //          not there before is added to it
    void add(uint32_t slot, const LabelSet& labels, std::vector<uint32_t>* begun = nullptr)
        EXCLUDES_LOCK(mutex_);
    // Takes out series that are in the index with these labels; under the lock for all of them.
    //   ended  the symbol of the value of every pair that no series has any more is added to it
    void remove(std::span<const SlotLabels> series, std::vector<uint32_t>& ended)
        EXCLUDES_LOCK(mutex_);

    [[nodiscard]] SlotSet all() const EXCLUDES_LOCK(mutex_);
    // Symbols of all names.
    [[nodiscard]] std::vector<uint32_t> names() const EXCLUDES_LOCK(mutex_);
    // All values of a name, in no order; empty when there is no such name.
    [[nodiscard]] std::vector<ValueCount> values(uint32_t name) const EXCLUDES_LOCK(mutex_);
    // How many values() are.
    [[nodiscard]] size_t value_count(uint32_t name) const EXCLUDES_LOCK(mutex_);
    // Distinct (name, value) pairs.
    [[nodiscard]] size_t pairs() const EXCLUDES_LOCK(mutex_);
    // Labels of all series together.
    [[nodiscard]] size_t labels() const EXCLUDES_LOCK(mutex_);

    // Series that have one of the values. Of symbols that are no value of the name nothing is said.
    [[nodiscard]] SlotSet with_any(uint32_t name, std::span<const uint32_t> values) const
        EXCLUDES_LOCK(mutex_);

    // A condition in symbols: the label has one of the values.
    struct AnyOf {
        uint32_t name;
        std::vector<uint32_t> values;
    };

    // Series that meet all conditions; the rarest is taken first. `conditions` is not empty.
    [[nodiscard]] SlotSet with_all(std::span<const AnyOf> conditions) const EXCLUDES_LOCK(mutex_);

  private:
    // The values of one name. The hash of a cell is the value, mixed; its entry is the value's only
    // slot, or kListBit and the place of its list.
    struct Name {
        CellTable cells;
        std::vector<PostingList> lists;  // of two slots or more
    };

    // What a value of a name has.
    struct Postings {
        uint32_t slot = CellTable::kNone;   // its only slot, or
        const PostingList* list = nullptr;  // its list; neither: there is no such value

        [[nodiscard]] uint32_t size() const;
    };

    int64_t add_to(Name& name, uint32_t value, uint32_t slot, std::vector<uint32_t>* begun)
        REQUIRES_LOCK(mutex_);
    int64_t remove_from(Name& name, uint32_t value, uint32_t slot, std::vector<uint32_t>& ended)
        REQUIRES_LOCK(mutex_);
    [[nodiscard]] Postings find(uint32_t name, uint32_t value) const REQUIRES_LOCK(mutex_);
    [[nodiscard]] uint64_t count(const AnyOf& condition) const REQUIRES_LOCK(mutex_);
    void intersect(SlotSet& set, const AnyOf& condition) const REQUIRES_LOCK(mutex_);
    void unite(SlotSet& set, uint32_t name, std::span<const uint32_t> values) const
        REQUIRES_LOCK(mutex_);

    HeadMemory& memory_;
    mutable base::Mutex mutex_;
    std::unordered_map<uint32_t, Name> names_ GUARDED_BY(mutex_);
    MeasuredSlotSet all_ GUARDED_BY(mutex_);
    size_t pairs_ GUARDED_BY(mutex_) = 0;
    size_t labels_ GUARDED_BY(mutex_) = 0;
};

}  // namespace tsdb

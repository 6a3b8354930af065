// Which series have which label values: name -> value -> slots; and the answer to matchers.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/sync.h"
#include "model/matcher.h"
#include "model/storage.h"
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

//   threads  any. Regular expressions run without the lock; a lock is held for memory work only.
class LabelIndex {
  public:
    explicit LabelIndex(HeadMemory& memory) : memory_(memory) {}

    LabelIndex(const LabelIndex&) = delete;
    LabelIndex& operator=(const LabelIndex&) = delete;

    // Adds a series that is not in the index.
    void add(uint32_t slot, const LabelSet& labels) EXCLUDES_LOCK(mutex_);

    [[nodiscard]] SlotSet all() const EXCLUDES_LOCK(mutex_);
    // Symbols of all names.
    [[nodiscard]] std::vector<uint32_t> names() const EXCLUDES_LOCK(mutex_);
    // All values of a name; empty when there is no such name.
    [[nodiscard]] std::vector<ValueCount> values(uint32_t name) const EXCLUDES_LOCK(mutex_);
    // Distinct (name, value) pairs.
    [[nodiscard]] size_t pairs() const EXCLUDES_LOCK(mutex_);

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
    // The values of one name. `table` holds 1 + index into `lists`, open-addressed.
    struct Name {
        std::vector<PostingList> lists;
        std::vector<uint32_t> table;
    };

    [[nodiscard]] PostingList& list_of(uint32_t name, uint32_t value) REQUIRES_LOCK(mutex_);
    [[nodiscard]] const PostingList* find(uint32_t name, uint32_t value) const
        REQUIRES_LOCK(mutex_);
    void grow(Name& name) REQUIRES_LOCK(mutex_);
    [[nodiscard]] uint64_t count(const AnyOf& condition) const REQUIRES_LOCK(mutex_);
    void intersect(SlotSet& set, const AnyOf& condition) const REQUIRES_LOCK(mutex_);
    void unite(SlotSet& set, uint32_t name, std::span<const uint32_t> values) const
        REQUIRES_LOCK(mutex_);

    HeadMemory& memory_;
    mutable base::Mutex mutex_;
    std::unordered_map<uint32_t, Name> names_ GUARDED_BY(mutex_);
    SlotSet all_ GUARDED_BY(mutex_);
    uint64_t series_ GUARDED_BY(mutex_) = 0;
    size_t pairs_ GUARDED_BY(mutex_) = 0;
};

}  // namespace tsdb

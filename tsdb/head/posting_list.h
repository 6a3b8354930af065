// The slots of the series that have one label value: inline while there are two, a sorted array up
// to 32, a compressed bitmap beyond.
#pragma once

#include <cstdint>
#include <span>

#include "tsdb/head/slot_set.h"

namespace tsdb {

// 16 bytes with the value it belongs to. Threads: the index' lock.
class PostingList {
  public:
    static constexpr uint32_t kInlineMax = 2;
    static constexpr uint32_t kArrayMax = 32;

    explicit PostingList(uint32_t value) : value_(value) {}

    ~PostingList() { clear(); }

    PostingList(PostingList&& other) noexcept;
    PostingList& operator=(PostingList&& other) noexcept;
    PostingList(const PostingList&) = delete;
    PostingList& operator=(const PostingList&) = delete;

    // The symbol of the label value.
    [[nodiscard]] uint32_t value() const { return value_; }

    [[nodiscard]] uint32_t size() const { return count_; }

    // The smallest slot of at most kInlineMax.
    [[nodiscard]] uint32_t first() const { return store_.slots[0]; }

    // Adds a slot that is not in the list; cheapest at the end.
    //   returns  bytes that the list has grown by
    int64_t add(uint32_t slot);
    // Takes out a slot that is in the list.
    //   returns  bytes that the list has grown by: negative, except when a bitmap is measured
    int64_t remove(uint32_t slot);

    void union_into(SlotSet& set) const;
    void intersect_into(SlotSet& set) const;
    [[nodiscard]] bool contains(uint32_t slot) const;

  private:
    [[nodiscard]] bool is_bitmap() const { return count_ > kArrayMax; }

    [[nodiscard]] std::span<const uint32_t> few() const {
        return {count_ <= kInlineMax ? store_.slots : store_.array, count_};
    }

    void clear();
    int64_t make_room();
    int64_t bitmap_to_array();
    int64_t shrink_array();

    uint32_t value_;
    uint32_t count_ = 0;

    union {
        uint32_t slots[kInlineMax];
        uint32_t* array;  // capacity: the count rounded up to a power of two, 4 at least
        MeasuredSlotSet* bitmap;
    } store_{};
};

static_assert(sizeof(PostingList) == 16);

}  // namespace tsdb

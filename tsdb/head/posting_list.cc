#include "tsdb/head/posting_list.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace tsdb {
namespace {

constexpr uint32_t kArrayMin = 4;
constexpr uint32_t kOptimizeMin =
    256;                               // a bitmap is rewritten each time its size doubles from here
constexpr int64_t kBitmapBytes = 160;  // an empty bitmap with its first container
constexpr int64_t kBitmapBytesPerSlot = 2;

}  // namespace

PostingList::PostingList(PostingList&& other) noexcept
    : value_(other.value_), count_(std::exchange(other.count_, 0)), store_(other.store_) {}

PostingList& PostingList::operator=(PostingList&& other) noexcept {
    if (this != &other) {
        clear();
        value_ = other.value_;
        count_ = std::exchange(other.count_, 0);
        store_ = other.store_;
    }
    return *this;
}

void PostingList::clear() {
    if (is_bitmap()) {
        delete store_.bitmap;
    } else if (count_ > kInlineMax) {
        std::free(store_.array);
    }
    count_ = 0;
}

int64_t PostingList::add(uint32_t slot) {
    if (is_bitmap()) {
        store_.bitmap->add(slot);
        ++count_;
        if (count_ >= kOptimizeMin && std::has_single_bit(count_)) {
            store_.bitmap->optimize();
        }
        return kBitmapBytesPerSlot;
    }
    if (count_ == kArrayMax) {
        auto* const bitmap = new SlotSet;
        bitmap->add(few());
        bitmap->add(slot);
        std::free(store_.array);
        store_.bitmap = bitmap;
        ++count_;
        return kBitmapBytes + kArrayMax * (kBitmapBytesPerSlot - int64_t{sizeof(uint32_t)});
    }
    const int64_t grown = make_room();
    uint32_t* const list = count_ < kInlineMax ? store_.slots : store_.array;
    uint32_t* const at = std::lower_bound(list, list + count_, slot);
    std::memmove(at + 1, at, static_cast<size_t>(list + count_ - at) * sizeof *at);
    *at = slot;
    ++count_;
    return grown;
}

// Room for one more in the inline or array form.
int64_t PostingList::make_room() {
    if (count_ == kInlineMax) {
        auto* const array = static_cast<uint32_t*>(std::malloc(kArrayMin * sizeof(uint32_t)));
        SKEIN_CHECK(array != nullptr, "out of memory");
        std::memcpy(array, store_.slots, sizeof store_.slots);
        store_.array = array;
        return kArrayMin * sizeof(uint32_t);
    }
    if (count_ >= kArrayMin && std::has_single_bit(count_)) {
        const size_t bytes = size_t{count_} * 2 * sizeof(uint32_t);
        store_.array = static_cast<uint32_t*>(std::realloc(store_.array, bytes));
        SKEIN_CHECK(store_.array != nullptr, "out of memory");
        return static_cast<int64_t>(bytes / 2);
    }
    return 0;
}

void PostingList::union_into(SlotSet& set) const {
    if (is_bitmap()) {
        set.add(*store_.bitmap);
    } else {
        set.add(few());
    }
}

void PostingList::intersect_into(SlotSet& set) const {
    if (is_bitmap()) {
        set.intersect(*store_.bitmap);
    } else {
        set.intersect(few());
    }
}

void PostingList::subtract_from(SlotSet& set) const {
    if (is_bitmap()) {
        set.subtract(*store_.bitmap);
    } else {
        set.subtract(few());
    }
}

bool PostingList::contains(uint32_t slot) const {
    if (is_bitmap()) {
        return store_.bitmap->contains(slot);
    }
    return std::ranges::binary_search(few(), slot);
}

}  // namespace tsdb

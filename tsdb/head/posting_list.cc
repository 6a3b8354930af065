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
constexpr int64_t kBitmapBytes = sizeof(MeasuredSlotSet);  // besides what it knows of itself

int64_t array_bytes(uint32_t slots) {
    return int64_t{std::max(kArrayMin, std::bit_ceil(slots))} * int64_t{sizeof(uint32_t)};
}

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
        ++count_;
        return store_.bitmap->add(slot);
    }
    if (count_ == kArrayMax) {
        auto* const bitmap = new MeasuredSlotSet;
        bitmap->add(few());
        bitmap->add(slot);
        std::free(store_.array);
        store_.bitmap = bitmap;
        ++count_;
        return kBitmapBytes + bitmap->bytes() - array_bytes(kArrayMax);
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
    if (count_ < kInlineMax) {
        return 0;
    }
    const int64_t before = count_ == kInlineMax ? 0 : array_bytes(count_);
    const int64_t wanted = array_bytes(count_ + 1);
    if (wanted == before) {
        return 0;
    }
    auto* const array = static_cast<uint32_t*>(
        std::realloc(before == 0 ? nullptr : store_.array, static_cast<size_t>(wanted)));
    SKEIN_CHECK(array != nullptr, "out of memory");
    if (before == 0) {
        std::memcpy(array, store_.slots, sizeof store_.slots);
    }
    store_.array = array;
    return wanted - before;
}

int64_t PostingList::remove(uint32_t slot) {
    if (is_bitmap()) {
        --count_;
        const int64_t grown = store_.bitmap->remove(slot);
        return is_bitmap() ? grown : grown + bitmap_to_array();
    }
    uint32_t* const list = count_ <= kInlineMax ? store_.slots : store_.array;
    uint32_t* const at = std::lower_bound(list, list + count_, slot);
    SKEIN_CHECK(at != list + count_ && *at == slot, "slot is not in its value's list", slot);
    std::memmove(at, at + 1, static_cast<size_t>(list + count_ - at - 1) * sizeof *at);
    --count_;
    return list == store_.slots ? 0 : shrink_array();
}

int64_t PostingList::bitmap_to_array() {
    const MeasuredSlotSet* const bitmap = store_.bitmap;
    const std::vector<uint32_t> slots = bitmap->set().slots();
    SKEIN_CHECK(slots.size() == kArrayMax, "slot is not in its value's list", slots.size());
    const auto bytes = static_cast<size_t>(array_bytes(kArrayMax));
    store_.array = static_cast<uint32_t*>(std::malloc(bytes));
    SKEIN_CHECK(store_.array != nullptr, "out of memory");
    std::memcpy(store_.array, slots.data(), bytes);
    const int64_t freed = kBitmapBytes + bitmap->bytes();
    delete bitmap;
    return static_cast<int64_t>(bytes) - freed;
}

// The array, now one shorter, in the room that its count asks for.
int64_t PostingList::shrink_array() {
    const int64_t before = array_bytes(count_ + 1);
    if (count_ == kInlineMax) {
        uint32_t* const array = store_.array;
        std::memcpy(store_.slots, array, sizeof store_.slots);
        std::free(array);
        return -before;
    }
    const int64_t wanted = array_bytes(count_);
    if (wanted != before) {
        store_.array =
            static_cast<uint32_t*>(std::realloc(store_.array, static_cast<size_t>(wanted)));
        SKEIN_CHECK(store_.array != nullptr, "out of memory");
    }
    return wanted - before;
}

void PostingList::union_into(SlotSet& set) const {
    if (is_bitmap()) {
        set.add(store_.bitmap->set());
    } else {
        set.add(few());
    }
}

void PostingList::intersect_into(SlotSet& set) const {
    if (is_bitmap()) {
        set.intersect(store_.bitmap->set());
    } else {
        set.intersect(few());
    }
}

bool PostingList::contains(uint32_t slot) const {
    if (is_bitmap()) {
        return store_.bitmap->set().contains(slot);
    }
    return std::ranges::binary_search(few(), slot);
}

}  // namespace tsdb

#include "tsdb/head/slot_set.h"

#include <algorithm>
#include <utility>

#include <roaring/roaring.h>

namespace tsdb {
namespace {

constexpr uint32_t kMeasureMin = 128;  // changes that go unmeasured
constexpr int64_t kBytesPerSlot = 2;
constexpr size_t kAllocatorBytes = 16;  // per block of memory
// A container's own struct, and its place in the bitmap's arrays.
constexpr size_t kContainerBytes = 16 + 11;

}  // namespace

SlotSet::SlotSet() : bitmap_(roaring_bitmap_create()) {}

SlotSet::~SlotSet() {
    if (bitmap_ != nullptr) {
        roaring_bitmap_free(bitmap_);
    }
}

SlotSet::SlotSet(SlotSet&& other) noexcept : bitmap_(std::exchange(other.bitmap_, nullptr)) {}

SlotSet& SlotSet::operator=(SlotSet&& other) noexcept {
    std::swap(bitmap_, other.bitmap_);
    return *this;
}

SlotSet SlotSet::copy() const {
    return SlotSet(roaring_bitmap_copy(bitmap_));
}

void SlotSet::add(uint32_t slot) {
    roaring_bitmap_add(bitmap_, slot);
}

void SlotSet::add(std::span<const uint32_t> slots) {
    roaring_bitmap_add_many(bitmap_, slots.size(), slots.data());
}

void SlotSet::remove(uint32_t slot) {
    roaring_bitmap_remove(bitmap_, slot);
}

void SlotSet::add(const SlotSet& other) {
    roaring_bitmap_or_inplace(bitmap_, other.bitmap_);
}

void SlotSet::intersect(const SlotSet& other) {
    roaring_bitmap_and_inplace(bitmap_, other.bitmap_);
}

void SlotSet::intersect(std::span<const uint32_t> slots) {
    SlotSet kept;
    for (const uint32_t slot : slots) {
        if (contains(slot)) {
            kept.add(slot);
        }
    }
    *this = std::move(kept);
}

void SlotSet::subtract(const SlotSet& other) {
    roaring_bitmap_andnot_inplace(bitmap_, other.bitmap_);
}

void SlotSet::subtract(std::span<const uint32_t> slots) {
    for (const uint32_t slot : slots) {
        remove(slot);
    }
}

void SlotSet::optimize() {
    roaring_bitmap_run_optimize(bitmap_);
    roaring_bitmap_shrink_to_fit(bitmap_);
}

bool SlotSet::contains(uint32_t slot) const {
    return roaring_bitmap_contains(bitmap_, slot);
}

bool SlotSet::empty() const {
    return roaring_bitmap_is_empty(bitmap_);
}

uint64_t SlotSet::size() const {
    return roaring_bitmap_get_cardinality(bitmap_);
}

std::vector<uint32_t> SlotSet::slots() const {
    std::vector<uint32_t> all(size());
    roaring_bitmap_to_uint32_array(bitmap_, all.data());
    return all;
}

size_t SlotSet::bytes() const {
    roaring_statistics_t statistics{};
    roaring_bitmap_statistics(bitmap_, &statistics);
    const size_t content = size_t{statistics.n_bytes_array_containers} +
                           statistics.n_bytes_run_containers + statistics.n_bytes_bitset_containers;
    return sizeof(roaring_bitmap_t) + 2 * kAllocatorBytes + content +
           statistics.n_containers * (kContainerBytes + 2 * kAllocatorBytes);
}

MeasuredSlotSet::MeasuredSlotSet()
    : bytes_(static_cast<int64_t>(set_.bytes())), changes_left_(kMeasureMin) {}

int64_t MeasuredSlotSet::add(std::span<const uint32_t> slots) {
    const int64_t before = bytes_;
    set_.add(slots);
    bytes_ += kBytesPerSlot * static_cast<int64_t>(slots.size());
    changed(static_cast<uint32_t>(slots.size()));
    return bytes_ - before;
}

int64_t MeasuredSlotSet::add(uint32_t slot) {
    const int64_t before = bytes_;
    set_.add(slot);
    bytes_ += kBytesPerSlot;
    changed(1);
    return bytes_ - before;
}

int64_t MeasuredSlotSet::remove(uint32_t slot) {
    const int64_t before = bytes_;
    set_.remove(slot);
    changed(1);
    return bytes_ - before;
}

void MeasuredSlotSet::changed(uint32_t slots) {
    if (slots < changes_left_) {
        changes_left_ -= slots;
        return;
    }
    set_.optimize();
    bytes_ = static_cast<int64_t>(set_.bytes());
    changes_left_ = static_cast<uint32_t>(std::max<uint64_t>(kMeasureMin, set_.size() / 2));
}

}  // namespace tsdb

// A set of slots, compressed.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

struct roaring_bitmap_s;

namespace tsdb {

// Moves, does not copy by accident. Not thread-safe.
class SlotSet {
  public:
    SlotSet();
    ~SlotSet();
    SlotSet(SlotSet&& other) noexcept;
    SlotSet& operator=(SlotSet&& other) noexcept;

    [[nodiscard]] SlotSet copy() const;

    void add(uint32_t slot);
    void add(std::span<const uint32_t> slots);
    void remove(uint32_t slot);
    void add(const SlotSet& other);
    void intersect(const SlotSet& other);
    void intersect(std::span<const uint32_t> slots);
    void subtract(const SlotSet& other);
    void subtract(std::span<const uint32_t> slots);

    // Rewrites runs in their short form; worth it now and then.
    void optimize();

    [[nodiscard]] bool contains(uint32_t slot) const;
    [[nodiscard]] bool empty() const;
    [[nodiscard]] uint64_t size() const;
    // Ascending.
    [[nodiscard]] std::vector<uint32_t> slots() const;
    // Bytes held, with what the allocator needs, about.
    [[nodiscard]] size_t bytes() const;

    // Keeps the slots for which keep(slot) holds.
    template <class Keep>
    void filter(const Keep& keep) {
        std::vector<uint32_t> kept;
        for (const uint32_t slot : slots()) {
            if (keep(slot)) {
                kept.push_back(slot);
            }
        }
        SlotSet only;
        only.add(kept);
        *this = std::move(only);
    }

  private:
    explicit SlotSet(roaring_bitmap_s* bitmap) : bitmap_(bitmap) {}

    roaring_bitmap_s* bitmap_;
};

// A set that knows what it is accounted for: two bytes per slot added, measured anew each time
// about half of it has changed. Every change returns the bytes by which that has grown.
class MeasuredSlotSet {
  public:
    MeasuredSlotSet();

    int64_t add(std::span<const uint32_t> slots);
    int64_t add(uint32_t slot);
    int64_t remove(uint32_t slot);

    [[nodiscard]] const SlotSet& set() const { return set_; }

    [[nodiscard]] int64_t bytes() const { return bytes_; }

  private:
    void changed(uint32_t slots);

    SlotSet set_;
    int64_t bytes_;
    uint32_t changes_left_;  // until it is measured
};

}  // namespace tsdb

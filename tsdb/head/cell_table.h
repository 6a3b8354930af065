// A hash table of 32-bit entries, eight bytes a cell: what the head's tables are made of.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace tsdb {

// Open addressing with linear probing. A cell keeps its hash, which is all that growing needs; its
// home is the hash scaled to the table's size, so sizes need not be powers of two and a table grows
// by a quarter: between 9.1 and 11.4 bytes per entry.
//   threads  the owner's lock
class CellTable {
  public:
    static constexpr uint32_t kNone = UINT32_MAX;  // is no entry

    struct Cell {
        uint32_t hash = 0;
        uint32_t entry = kNone;
    };

    // The entry with this hash for which same(entry) holds, or kNone.
    template <class Same>
    [[nodiscard]] uint32_t find(uint32_t hash, const Same& same) const {
        const Cell* const cell = locate(hash, same);
        return cell == nullptr ? kNone : cell->entry;
    }

    // Its cell, or null. Valid until the next insert() or erase(); the entry may be changed.
    template <class Same>
    [[nodiscard]] Cell* locate(uint32_t hash, const Same& same) const {
        if (capacity_ == 0) {
            return nullptr;
        }
        for (uint32_t at = home(hash); cells_[at].entry != kNone; at = next(at)) {
            if (cells_[at].hash == hash && same(cells_[at].entry)) {
                return &cells_[at];
            }
        }
        return nullptr;
    }

    // Adds an entry, whatever is there already.  returns  bytes that the table has grown by
    int64_t insert(uint32_t hash, uint32_t entry);

    // Takes out what locate() has just found.  returns  bytes that the table has grown by: 0, or
    // negative
    int64_t erase(const Cell* cell);

    // Calls visit(hash, entry) for every entry.
    template <class Visit>
    void for_each(const Visit& visit) const {
        for (uint32_t at = 0; at < capacity_; ++at) {
            if (cells_[at].entry != kNone) {
                visit(cells_[at].hash, cells_[at].entry);
            }
        }
    }

    [[nodiscard]] uint32_t size() const { return size_; }

    [[nodiscard]] int64_t bytes() const { return int64_t{capacity_} * int64_t{sizeof(Cell)}; }

  private:
    [[nodiscard]] uint32_t home(uint32_t hash) const {
        return static_cast<uint32_t>(uint64_t{hash} * capacity_ >> 32);
    }

    [[nodiscard]] uint32_t next(uint32_t at) const { return at + 1 == capacity_ ? 0 : at + 1; }

    void put(Cell cell);
    int64_t rebuild(uint64_t capacity);

    std::unique_ptr<Cell[]> cells_;
    uint32_t capacity_ = 0;
    uint32_t size_ = 0;
};

}  // namespace tsdb

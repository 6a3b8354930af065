// Where a series' filed chunks lie: four bytes per chunk, in arrays that grow by size classes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "tsdb/head/chunk_files.h"
#include "tsdb/head/memory.h"

namespace tsdb {

// The lists of one partition. A list is known by a handle, which its series keeps and which changes
// when the list grows. Places stand in the order they were added: by time.
//   threads  the partition's lock
class PlaceLists {
  public:
    using Handle = uint32_t;
    static constexpr Handle kEmpty = 0;
    static constexpr size_t kPlacesMax = 65534;  // of one list

    explicit PlaceLists(HeadMemory& memory) : memory_(memory) {}

    ~PlaceLists();
    PlaceLists(const PlaceLists&) = delete;
    PlaceLists& operator=(const PlaceLists&) = delete;

    // Adds a place behind the others. returns  false when the list is full: nothing has changed
    [[nodiscard]] bool add(Handle& list, ChunkPlace place);

    [[nodiscard]] bool full(Handle list) const { return get(list).size() == kPlacesMax; }

    // Valid until the next add() or drop_first().
    [[nodiscard]] std::span<const ChunkPlace> get(Handle list) const;
    // Takes the first `count` places away; the list shrinks when it has become much too large.
    void drop_first(Handle& list, size_t count);

    void clear(Handle& list) { drop_first(list, get(list).size()); }

  private:
    static constexpr size_t kBlockWords =
        16384;  // 64 KiB; a list that is larger has a block of its own

    // In front of the places: how many there are, and the list's size class.
    struct Header {
        uint16_t count;
        uint16_t size_class;
    };

    [[nodiscard]] Handle allocate(unsigned size_class);
    void add_block(size_t words);
    void release(Handle list);
    void move(Handle& list, unsigned size_class);

    [[nodiscard]] uint32_t* words(Handle list) const {
        return blocks_[list / kBlockWords].get() + list % kBlockWords;
    }

    [[nodiscard]] Header header(Handle list) const;
    void set_header(Handle list, Header header);

    HeadMemory& memory_;
    std::vector<std::unique_ptr<uint32_t[]>> blocks_;
    size_t bytes_ = 0;           // of all blocks
    size_t current_ = 0;         // the block small lists are cut from
    size_t used_ = kBlockWords;  // words of it
    std::vector<Handle> free_;   // by size class: the first free list; its first word links on
};

}  // namespace tsdb

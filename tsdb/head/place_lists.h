// Where a series' filed chunks lie: four bytes per chunk, in arrays that grow by size classes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "tsdb/head/chunk_files.h"
#include "tsdb/head/memory.h"
#include "tsdb/head/word_arena.h"

namespace tsdb {

// The lists of one partition. A list is known by a handle, which its series keeps and which changes
// when the list grows. Places stand in the order they were added: by time.
//   threads  the partition's lock
class PlaceLists {
  public:
    using Handle = WordArena::Position;
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
    // In front of the places: how many there are, and the list's size class.
    struct Header {
        uint16_t count;
        uint16_t size_class;
    };

    [[nodiscard]] Handle allocate(unsigned size_class);
    void release(Handle list);
    void move(Handle& list, unsigned size_class);
    void account();

    [[nodiscard]] Header header(Handle list) const;
    void set_header(Handle list, Header header);

    HeadMemory& memory_;
    WordArena arena_;
    size_t accounted_ = 0;  // bytes
};

}  // namespace tsdb

#include "tsdb/head/place_lists.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/check.h"

namespace tsdb {
namespace {

// Words of a list, its header among them: two more, and later about a third more each time.
constexpr std::array<uint32_t, 28> kClassWords = {
    2,   4,   6,   8,   10,  12,  16,   20,   26,   34,   44,    58,    76,    100,
    132, 176, 234, 312, 416, 900, 1700, 3300, 6400, 9000, 12288, 24576, 45000, 65535};

}  // namespace

PlaceLists::~PlaceLists() {
    memory_.add(HeadPart::kChunkPlaces, -static_cast<int64_t>(accounted_));
}

bool PlaceLists::add(Handle& list, ChunkPlace place) {
    if (list == kEmpty) {
        list = allocate(0);
    }
    Header head = header(list);
    if (head.count == kPlacesMax) {
        return false;
    }
    if (head.count + 1u == kClassWords[head.size_class]) {
        move(list, head.size_class + 1u);
        head = header(list);
    }
    arena_.words(list)[1 + head.count] = place;
    ++head.count;
    set_header(list, head);
    return true;
}

std::span<const ChunkPlace> PlaceLists::get(Handle list) const {
    if (list == kEmpty) {
        return {};
    }
    return {arena_.words(list) + 1, header(list).count};
}

void PlaceLists::drop_first(Handle& list, size_t count) {
    if (list == kEmpty || count == 0) {
        return;
    }
    Header head = header(list);
    SKEIN_DCHECK(count <= head.count, "more places than there are", count);
    if (count == head.count) {
        release(list);
        account();
        list = kEmpty;
        return;
    }
    uint32_t* const places = arena_.words(list) + 1;
    std::memmove(places, places + count, (head.count - count) * sizeof(uint32_t));
    head.count = static_cast<uint16_t>(head.count - count);
    set_header(list, head);
    unsigned fit = head.size_class;
    while (fit > 0 && kClassWords[fit - 1] > head.count) {
        --fit;
    }
    if (fit + 1u < head.size_class) {
        move(list, fit);
    }
}

PlaceLists::Handle PlaceLists::allocate(unsigned size_class) {
    const Handle list = arena_.allocate(kClassWords[size_class]);
    set_header(list, {.count = 0, .size_class = static_cast<uint16_t>(size_class)});
    account();
    return list;
}

void PlaceLists::account() {
    if (arena_.bytes() != accounted_) [[unlikely]] {
        memory_.add(HeadPart::kChunkPlaces,
                    static_cast<int64_t>(arena_.bytes()) - static_cast<int64_t>(accounted_));
        accounted_ = arena_.bytes();
    }
}

void PlaceLists::release(Handle list) {
    arena_.release(list, kClassWords[header(list).size_class]);
}

void PlaceLists::move(Handle& list, unsigned size_class) {
    const Handle to = allocate(size_class);
    const uint16_t count = header(list).count;
    std::memcpy(arena_.words(to) + 1, arena_.words(list) + 1, count * sizeof(uint32_t));
    set_header(to, {.count = count, .size_class = static_cast<uint16_t>(size_class)});
    release(list);
    account();
    list = to;
}

PlaceLists::Header PlaceLists::header(Handle list) const {
    Header head;
    std::memcpy(&head, arena_.words(list), sizeof head);
    return head;
}

void PlaceLists::set_header(Handle list, Header header) {
    std::memcpy(arena_.words(list), &header, sizeof header);
}

}  // namespace tsdb

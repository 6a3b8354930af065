#include "tsdb/head/place_lists.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/check.h"

namespace tsdb {
namespace {

// Words of a list, its header among them. Steps of about a third: a list is on average a sixth
// larger than it must be.
constexpr std::array<uint16_t, 27> kClassWords = {
    2,   3,   4,   5,   7,   9,   12,   16,   21,   28,    37,    49,    65,   87,
    116, 155, 207, 276, 480, 900, 1700, 3300, 6400, 12288, 24576, 45000, 65535};

}  // namespace

PlaceLists::~PlaceLists() {
    memory_.add(HeadPart::kChunkPlaces, -static_cast<int64_t>(bytes_));
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
    words(list)[1 + head.count] = place;
    ++head.count;
    set_header(list, head);
    return true;
}

std::span<const ChunkPlace> PlaceLists::get(Handle list) const {
    if (list == kEmpty) {
        return {};
    }
    return {words(list) + 1, header(list).count};
}

void PlaceLists::drop_first(Handle& list, size_t count) {
    if (list == kEmpty || count == 0) {
        return;
    }
    Header head = header(list);
    SKEIN_DCHECK(count <= head.count, "more places than there are", count);
    if (count == head.count) {
        release(list);
        list = kEmpty;
        return;
    }
    uint32_t* const places = words(list) + 1;
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
    if (free_.empty()) {
        free_.resize(kClassWords.size(), kEmpty);
    }
    Handle list = free_[size_class];
    if (list != kEmpty) {
        free_[size_class] = *words(list);
    } else {
        const size_t size = kClassWords[size_class];
        if (size > kBlockWords) {
            add_block(size);
            list = static_cast<Handle>((blocks_.size() - 1) * kBlockWords);
        } else {
            if (used_ + size > kBlockWords) {
                add_block(kBlockWords);
                current_ = blocks_.size() - 1;
                used_ = current_ == 0 ? 1 : 0;  // handle 0 is none
            }
            list = static_cast<Handle>(current_ * kBlockWords + used_);
            used_ += size;
        }
    }
    set_header(list, {.count = 0, .size_class = static_cast<uint16_t>(size_class)});
    return list;
}

void PlaceLists::add_block(size_t words) {
    SKEIN_CHECK(blocks_.size() < UINT32_MAX / kBlockWords, "too many chunks in the head");
    blocks_.push_back(std::make_unique_for_overwrite<uint32_t[]>(words));
    bytes_ += words * sizeof(uint32_t);
    memory_.add(HeadPart::kChunkPlaces, static_cast<int64_t>(words * sizeof(uint32_t)));
}

void PlaceLists::release(Handle list) {
    Handle& first = free_[header(list).size_class];
    *words(list) = first;
    first = list;
}

void PlaceLists::move(Handle& list, unsigned size_class) {
    const Handle to = allocate(size_class);
    const uint16_t count = header(list).count;
    std::memcpy(words(to) + 1, words(list) + 1, count * sizeof(uint32_t));
    set_header(to, {.count = count, .size_class = static_cast<uint16_t>(size_class)});
    release(list);
    list = to;
}

PlaceLists::Header PlaceLists::header(Handle list) const {
    Header head;
    std::memcpy(&head, words(list), sizeof head);
    return head;
}

void PlaceLists::set_header(Handle list, Header header) {
    std::memcpy(words(list), &header, sizeof header);
}

}  // namespace tsdb

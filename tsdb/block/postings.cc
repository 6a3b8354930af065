#include "tsdb/block/postings.h"

#include <algorithm>
#include <bit>
#include <queue>
#include <tuple>

namespace tsdb::block {
namespace {

// From this ratio of lengths on, the longer list is searched instead of walked.
constexpr size_t kSearchRatio = 8;

// The first place from `from` on that holds no less than `id`: in strides that double, then by
// halves, so that near places are found fast.
template <class List>
size_t seek(const List& list, size_t from, SeriesId id) {
    const size_t size = list.size();
    size_t step = 1;
    size_t low = from;
    size_t high = from;
    while (high < size && list[high] < id) {
        low = high + 1;
        high += step;
        step *= 2;
    }
    high = std::min(high, size);
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (list[middle] < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

// visit(place in ids) for every common id, in order, until it returns false.
template <class Visit>
void for_common(std::span<const SeriesId> ids, PostingsView list, Visit&& visit) {
    size_t i = 0;
    size_t k = 0;
    if (ids.size() > list.size() * kSearchRatio) {
        for (; k < list.size() && i < ids.size(); ++k) {
            i = seek(ids, i, list[k]);
            if (i < ids.size() && ids[i] == list[k] && !visit(i)) {
                return;
            }
        }
        return;
    }
    if (list.size() > ids.size() * kSearchRatio) {
        for (; i < ids.size() && k < list.size(); ++i) {
            k = seek(list, k, ids[i]);
            if (k < list.size() && list[k] == ids[i] && !visit(i)) {
                return;
            }
        }
        return;
    }
    while (i < ids.size() && k < list.size()) {
        const SeriesId left = ids[i];
        const SeriesId right = list[k];
        if (left == right && !visit(i)) {
            return;
        }
        i += left <= right ? 1 : 0;
        k += right <= left ? 1 : 0;
    }
}

SeriesIds copy(PostingsView list) {
    SeriesIds ids(list.size());
    for (size_t i = 0; i < ids.size(); ++i) {
        ids[i] = list[i];
    }
    return ids;
}

// Lists that lie densely: a bit for every id from `low` to `high`.
SeriesIds unite_by_bits(std::span<const PostingsView> lists,
                        SeriesId low,
                        SeriesId high,
                        size_t total) {
    std::vector<uint64_t> bits((size_t{high} - low) / 64 + 1);
    for (const PostingsView list : lists) {
        for (size_t i = 0; i < list.size(); ++i) {
            const SeriesId id = list[i];
            if (id >= low && id <= high) {  // a damaged list may not ascend
                bits[(id - low) / 64] |= uint64_t{1} << ((id - low) % 64);
            }
        }
    }
    SeriesIds ids;
    ids.reserve(total);
    for (size_t word = 0; word < bits.size(); ++word) {
        for (uint64_t left = bits[word]; left != 0; left &= left - 1) {
            ids.push_back(low + static_cast<SeriesId>(word * 64 +
                                                      static_cast<size_t>(std::countr_zero(left))));
        }
    }
    return ids;
}

// Lists far apart: the smallest head of all lists, again and again.
SeriesIds unite_by_heap(std::span<const PostingsView> lists, size_t total) {
    struct Head {
        SeriesId id;
        uint32_t list;
        size_t at;

        bool operator>(const Head& other) const { return id > other.id; }
    };

    std::priority_queue<Head, std::vector<Head>, std::greater<>> heads;
    for (uint32_t i = 0; i < lists.size(); ++i) {
        if (!lists[i].empty()) {
            heads.push({.id = lists[i][0], .list = i, .at = 0});
        }
    }
    SeriesIds ids;
    ids.reserve(total);
    while (!heads.empty()) {
        Head head = heads.top();
        heads.pop();
        if (ids.empty() || ids.back() < head.id) {
            ids.push_back(head.id);
        }
        if (++head.at < lists[head.list].size()) {
            head.id = lists[head.list][head.at];
            heads.push(head);
        }
    }
    return ids;
}

}  // namespace

SeriesIds unite(std::span<const PostingsView> lists) {
    if (lists.size() == 1) {
        return copy(lists[0]);
    }
    size_t total = 0;
    SeriesId low = UINT32_MAX;
    SeriesId high = 0;
    for (const PostingsView list : lists) {
        if (!list.empty()) {
            total += list.size();
            low = std::min(low, list[0]);
            high = std::max(high, list[list.size() - 1]);
        }
    }
    if (total == 0) {
        return {};
    }
    if (low <= high && (size_t{high} - low) / 64 <= total) {
        return unite_by_bits(lists, low, high, total);
    }
    return unite_by_heap(lists, total);
}

void keep_where(SeriesIds& ids, std::span<const PostingsView> lists, bool keep) {
    std::vector<uint64_t> marks(ids.size() / 64 + 1);
    for (const PostingsView list : lists) {
        for_common(ids, list, [&](size_t i) {
            marks[i / 64] |= uint64_t{1} << (i % 64);
            return true;
        });
    }
    size_t kept = 0;
    for (size_t i = 0; i < ids.size(); ++i) {
        if (((marks[i / 64] >> (i % 64) & 1) != 0) == keep) {
            ids[kept++] = ids[i];
        }
    }
    ids.resize(kept);
}

bool intersects(std::span<const SeriesId> ids, PostingsView list) {
    bool found = false;
    for_common(ids, list, [&](size_t) {
        found = true;
        return false;
    });
    return found;
}

}  // namespace tsdb::block

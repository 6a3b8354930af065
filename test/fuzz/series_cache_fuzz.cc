// Pages made of the input's bytes: the cache must find every series it has, and no other.
#include <cstdint>
#include <cstdlib>
#include <set>

#include "scrape/series_cache.h"

namespace {

void must(bool holds) {
    if (!holds) {
        std::abort();
    }
}

// One page; returns the series that went stale.
std::set<uint32_t> pass(scrape::SeriesCache& cache,
                        scrape::SeriesCache::Index& index,
                        const uint8_t* page,
                        size_t size,
                        bool good) {
    scrape::SeriesCache::Walk walk;
    cache.begin(walk);
    for (size_t at = 0; at < size; ++at) {
        const uint64_t hash = (page[at] + 1) * 0x9e3779b97f4a7c15ULL;
        const auto* const entry = cache.expected(walk);
        uint32_t position = walk.cursor;
        bool first = true;
        if (entry != nullptr && entry->hash == hash) {
            first = cache.take_expected(walk);
        } else if (position = cache.find(walk, index, hash, 3);
                   position == scrape::SeriesCache::kNone) {
            position = cache.add(walk, index, hash, 3, {page[at], 1}, false);
        } else {
            first = cache.take_found(walk, position);
        }
        must(cache.at(position).series.slot == page[at]);
        if (first) {
            cache.track(walk, position, true);
        }
    }
    std::set<uint32_t> stale;
    cache.end_pass(
        walk, !good, [&](model::SeriesHandle series) { must(stale.insert(series.slot).second); });
    if (good) {
        cache.settle(walk);
    }
    return stale;
}

}  // namespace

// The input: pages that end with a zero byte; a page that starts with 255 fails.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    scrape::SeriesCache cache;
    scrape::SeriesCache::Index index;
    std::set<uint32_t> tracked;
    for (size_t from = 0; from < size;) {
        size_t to = from;
        while (to < size && data[to] != 0) {
            ++to;
        }
        const bool good = to == from || data[from] != 255;
        const std::set<uint32_t> now(data + from, data + to);
        std::set<uint32_t> want;
        for (const uint32_t series : tracked) {
            if (!good || !now.contains(series)) {
                want.insert(series);
            }
        }
        must(pass(cache, index, data + from, to - from, good) == want);
        tracked = good ? now : std::set<uint32_t>();
        from = to + 1;
    }
    return 0;
}

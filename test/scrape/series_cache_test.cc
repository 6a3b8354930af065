#include "scrape/series_cache.h"

#include <algorithm>
#include <map>
#include <set>

#include <catch2/catch.hpp>

#include "base/random.h"

namespace {

using scrape::SeriesCache;

// What the cache is for, written the slow way: sets and maps of texts.
struct Oracle {
    std::set<uint32_t> tracked;

    // Which series go stale when `page` follows.
    std::set<uint32_t> pass(const std::vector<uint32_t>& page) {
        const std::set<uint32_t> now(page.begin(), page.end());
        std::set<uint32_t> stale;
        std::set_difference(tracked.begin(),
                            tracked.end(),
                            now.begin(),
                            now.end(),
                            std::inserter(stale, stale.end()));
        tracked = now;
        return stale;
    }

    std::set<uint32_t> fail() { return std::exchange(tracked, {}); }
};

uint64_t hash_of(uint32_t series) {
    return (series + 1) * 0x9e3779b97f4a7c15ULL;
}

struct Fixture {
    SeriesCache cache;
    SeriesCache::Index index;
    SeriesCache::Walk walk;
    std::vector<uint32_t> added;
    size_t looked_up = 0;
    std::set<uint32_t> duplicates;

    // Walks a page of series numbers; returns those that go stale.
    std::set<uint32_t> pass(const std::vector<uint32_t>& page, bool good = true) {
        added.clear();
        duplicates.clear();
        looked_up = 0;
        cache.begin(walk);
        for (const uint32_t series : page) {
            line(series);
        }
        std::set<uint32_t> stale;
        cache.end_pass(walk, !good, [&](model::SeriesHandle handle) {
            CHECK(stale.insert(handle.slot).second);
        });
        if (good) {
            cache.settle(walk);
        } else {
            cache.flush_if_grown(0);
        }
        return stale;
    }

    void line(uint32_t series) {
        const SeriesCache::Entry* const entry = cache.expected(walk);
        uint32_t position = walk.cursor;
        bool first = true;
        if (entry != nullptr && entry->hash == hash_of(series) && entry->length == 10) {
            first = cache.take_expected(walk);
        } else {
            ++looked_up;
            position = cache.find(walk, index, hash_of(series), 10);
            if (position == SeriesCache::kNone) {
                position = cache.add(walk, index, hash_of(series), 10, {series, 1}, false);
                added.push_back(series);
            } else {
                first = cache.take_found(walk, position);
            }
        }
        CHECK(cache.at(position).series.slot == series);
        if (first) {
            cache.track(walk, position, true);
        } else {
            duplicates.insert(series);
        }
    }
};

std::vector<uint32_t> numbers(uint32_t from, uint32_t to) {
    std::vector<uint32_t> page;
    for (uint32_t series = from; series < to; ++series) {
        page.push_back(series);
    }
    return page;
}

}  // namespace

TEST_CASE("an unchanged page is walked in step", "[scrape][cache]") {
    Fixture fixture;
    fixture.pass(numbers(0, 100));
    CHECK(fixture.added.size() == 100);
    CHECK(fixture.pass(numbers(0, 100)).empty());
    CHECK(fixture.looked_up == 0);
    CHECK(fixture.cache.bytes() <= 28 * 100);
}

TEST_CASE("after an insertion, a removal or a reordering the next page is in step again",
          "[scrape][cache]") {
    Fixture fixture;
    fixture.pass(numbers(0, 50));
    std::vector<uint32_t> page = numbers(0, 50);
    SECTION("insertion") {
        page.insert(page.begin() + 20, 77);
        CHECK(fixture.pass(page).empty());
    }
    SECTION("removal") {
        page.erase(page.begin() + 20);
        CHECK(fixture.pass(page) == std::set<uint32_t>{20});
    }
    SECTION("reordering") {
        std::reverse(page.begin(), page.end());
        CHECK(fixture.pass(page).empty());
    }
    CHECK(fixture.pass(page).empty());
    CHECK(fixture.looked_up == 0);
    CHECK(fixture.cache.size() == page.size());
}

TEST_CASE("a failed pass makes everything stale once and keeps the entries", "[scrape][cache]") {
    Fixture fixture;
    fixture.pass(numbers(0, 10));
    CHECK(fixture.pass(numbers(0, 3), false).size() == 10);
    CHECK(fixture.pass({}, false).empty());
    CHECK(fixture.pass(numbers(0, 10)).empty());
    CHECK(fixture.added.empty());
    CHECK(fixture.pass({}, false).size() == 10);
}

TEST_CASE("a line that comes twice is noticed", "[scrape][cache]") {
    Fixture fixture;
    fixture.pass({1, 2, 1, 3});
    CHECK(fixture.duplicates == std::set<uint32_t>{1});
    fixture.pass({1, 2, 1, 3});
    CHECK(fixture.duplicates == std::set<uint32_t>{1});
    CHECK(fixture.cache.size() == 3);
}

TEST_CASE("failing scrapes that always expose something new cannot grow the cache for ever",
          "[scrape][cache]") {
    Fixture fixture;
    for (uint32_t round = 0; round < 100; ++round) {
        fixture.pass(numbers(round * 100, round * 100 + 100), false);
        REQUIRE(fixture.cache.size() <= SeriesCache::kFlushSlack + 200);
    }
}

TEST_CASE("the cache agrees with sets of texts over random pages", "[scrape][cache][property]") {
    const uint64_t seed = GENERATE(1ULL, 2ULL, 3ULL, 4ULL, 5ULL);
    CAPTURE(seed);
    base::SeededRandom random(seed);
    Fixture fixture;
    Oracle oracle;
    std::vector<uint32_t> page = numbers(0, 30);
    uint32_t next = 30;
    for (int round = 0; round < 400; ++round) {
        CAPTURE(round);
        const uint64_t edits = random.below(4);
        for (uint64_t edit = 0; edit < edits; ++edit) {
            const size_t at = page.empty() ? 0 : random.below(page.size());
            switch (random.below(5)) {
                case 0:
                    page.insert(page.begin() + static_cast<std::ptrdiff_t>(at), next++);
                    break;
                case 1:
                    if (!page.empty()) {
                        page.erase(page.begin() + static_cast<std::ptrdiff_t>(at));
                    }
                    break;
                case 2:
                    if (page.size() > 1) {
                        std::swap(page[at], page[random.below(page.size())]);
                    }
                    break;
                case 3:
                    if (!page.empty()) {
                        page.push_back(page[at]);  // a duplicate
                    }
                    break;
                default:
                    page.push_back(next > 5 ? next - 5 : next);
                    break;
            }
        }
        if (random.below(10) == 0) {
            REQUIRE(fixture.pass(page, false) == oracle.fail());
        } else {
            REQUIRE(fixture.pass(page) == oracle.pass(page));
            REQUIRE(fixture.cache.size() == oracle.tracked.size());
        }
    }
}

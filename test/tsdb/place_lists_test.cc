// Lists of chunk places and the arena they lie in, against plain vectors.
#include "tsdb/head/place_lists.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "base/budget.h"
#include "base/random.h"
#include "test/support/seed.h"
#include "tsdb/head/word_arena.h"

namespace {

using tsdb::PlaceLists;
using tsdb::WordArena;

}  // namespace

TEST_CASE("arrays of an arena do not share words, and come back whole", "[tsdb][head]") {
    base::SeededRandom random(test_support::test_seed());
    WordArena arena;
    std::map<WordArena::Position, uint32_t> sizes;
    const auto fill = [&](WordArena::Position at, uint32_t size) {
        for (uint32_t i = 0; i < size; ++i) {
            arena.words(at)[i] = at * 31 + i;
        }
    };
    const auto check = [&](WordArena::Position at, uint32_t size) {
        for (uint32_t i = 0; i < size; ++i) {
            if (arena.words(at)[i] != at * 31 + i) {
                return false;
            }
        }
        return true;
    };
    bool whole = true;
    for (int turn = 0; turn < 20'000; ++turn) {
        if (sizes.empty() || random.below(100) < 52) {
            const uint64_t kind = random.below(50);
            const auto size = static_cast<uint32_t>(
                1 + random.below(kind == 0 ? 40'000 : (kind < 5 ? 3000 : 30)));
            const WordArena::Position at = arena.allocate(size);
            REQUIRE(at != 0);
            REQUIRE(sizes.emplace(at, size).second);
            fill(at, size);
        } else {
            auto one = sizes.lower_bound(
                static_cast<WordArena::Position>(random.below(sizes.rbegin()->first + 1)));
            whole = whole && check(one->first, one->second);
            arena.release(one->first, one->second);
            sizes.erase(one);
        }
    }
    for (const auto& [at, size] : sizes) {
        whole = whole && check(at, size);
        arena.release(at, size);
    }
    CHECK(whole);
    CHECK(arena.bytes() <= 70'000);  // one block at most, the one with position 0
}

TEST_CASE("place lists hold what was added, whatever was dropped", "[tsdb][head]") {
    base::SeededRandom random(test_support::test_seed());
    base::Budget budget("test");
    {
        tsdb::HeadMemory memory(budget);
        PlaceLists lists(memory);
        std::vector<std::pair<PlaceLists::Handle, std::vector<uint32_t>>> all(300);
        bool same = true;
        for (int turn = 0; turn < 60'000; ++turn) {
            auto& [list, want] = all[random.below(all.size())];
            if (random.below(12) != 0) {
                const auto place = static_cast<uint32_t>(random.u64());
                REQUIRE(lists.add(list, place));
                want.push_back(place);
            } else {
                const size_t count = random.below(want.size() + 1);
                lists.drop_first(list, count);
                want.erase(want.begin(), want.begin() + static_cast<std::ptrdiff_t>(count));
            }
            same = same && std::ranges::equal(lists.get(list), want);
        }
        CHECK(same);
        PlaceLists::Handle longest = PlaceLists::kEmpty;
        for (size_t i = 0; i < PlaceLists::kPlacesMax; ++i) {
            REQUIRE(lists.add(longest, static_cast<uint32_t>(i)));
        }
        CHECK(lists.full(longest));
        CHECK_FALSE(lists.add(longest, 1));
        CHECK(lists.get(longest).back() == PlaceLists::kPlacesMax - 1);
        lists.clear(longest);
        CHECK(longest == PlaceLists::kEmpty);
    }
    CHECK(budget.used() == 0);
}

// What smaller sizes leave serves the larger ones.
TEST_CASE("lists that grow side by side take a power of two of words each", "[tsdb][head]") {
    base::Budget budget("test");
    tsdb::HeadMemory memory(budget);
    PlaceLists lists(memory);
    std::vector<PlaceLists::Handle> all(50'000, PlaceLists::kEmpty);
    for (uint32_t places = 1; places <= 12; ++places) {
        for (size_t i = 0; i < all.size(); ++i) {
            REQUIRE(lists.add(all[i], places));
        }
        const auto bytes = static_cast<double>(memory.bytes(tsdb::HeadPart::kChunkPlaces));
        const auto words = static_cast<double>(std::bit_ceil(places + 1) * all.size());
        // Besides: two blocks that are not full, and a bit for each four words.
        const double limit = 4 * (words + 2.0 * WordArena::kBlockWords) * 1.02;
        INFO(places << " places: " << bytes / static_cast<double>(all.size()) << " bytes a list");
        CHECK(bytes <= limit);
    }
}

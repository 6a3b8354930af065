// The tables the head's catalog is made of, each against a naive one.
#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "base/budget.h"
#include "base/random.h"
#include "test/support/seed.h"
#include "tsdb/head/block_arena.h"
#include "tsdb/head/cell_table.h"
#include "tsdb/head/label_index.h"
#include "tsdb/head/label_sets.h"
#include "tsdb/head/posting_list.h"
#include "tsdb/head/series_map.h"
#include "tsdb/head/symbols.h"

namespace {

using tsdb::HeadPart;

// The entry that is `wanted`.
auto is(uint32_t wanted) {
    return [wanted](uint32_t entry) { return entry == wanted; };
}

// A label set that owns its words.
struct OwnedSet {
    std::vector<uint32_t> names;
    std::vector<uint32_t> values;

    [[nodiscard]] tsdb::LabelSet view() const {
        return {.names = names, .values = tsdb::LabelValues(values.data())};
    }
};

std::vector<uint32_t> sorted(std::vector<uint32_t> values) {
    std::ranges::sort(values);
    return values;
}

}  // namespace

TEST_CASE("cell table finds what a multimap finds, through growth and erasure", "[tsdb][catalog]") {
    const auto seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    tsdb::CellTable table;
    std::set<std::pair<uint32_t, uint32_t>> model;
    int64_t bytes = 0;
    const uint32_t hashes[] = {0, 1, 7, 1u << 31, UINT32_MAX - 1, UINT32_MAX};  // ends that wrap
    uint32_t next = 0;
    for (int round = 0; round < 40; ++round) {
        const bool growing = round % 4 < 2;
        for (int step = 0; step < 500; ++step) {
            if (random.below(10) < (growing ? 8u : 2u) || model.empty()) {
                const uint32_t hash = random.below(4) == 0 ? hashes[random.below(6)]
                                                           : static_cast<uint32_t>(random.u64());
                bytes += table.insert(hash, next);
                model.emplace(hash, next++);
            } else {
                auto at = model.lower_bound({static_cast<uint32_t>(random.u64()), 0});
                at = at == model.end() ? model.begin() : at;
                const uint32_t wanted = at->second;
                const auto same = is(wanted);
                bytes += table.erase(table.locate(at->first, same));
                REQUIRE(table.find(at->first, same) == tsdb::CellTable::kNone);
                model.erase(at);
            }
        }
        REQUIRE(table.size() == model.size());
        REQUIRE(table.bytes() == bytes);
        for (const auto& [hash, entry] : model) {
            REQUIRE(table.find(hash, is(entry)) == entry);
        }
        std::set<std::pair<uint32_t, uint32_t>> visited;
        table.for_each([&](uint32_t hash, uint32_t entry) { visited.emplace(hash, entry); });
        REQUIRE(visited == model);
    }
    while (!model.empty()) {
        const auto [hash, wanted] = *model.begin();
        bytes += table.erase(table.locate(hash, is(wanted)));
        model.erase(model.begin());
    }
    CHECK(bytes == 0);
    CHECK(table.bytes() == 0);
}

TEST_CASE("arena hands out pieces that never overlap, and free ones again", "[tsdb][catalog]") {
    const auto seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    base::Budget budget("test");
    tsdb::HeadMemory memory(budget);
    tsdb::BlockArena arena(memory, HeadPart::kSymbols);

    struct Piece {
        uint32_t position;
        size_t bytes;
        uint8_t mark;
    };

    std::vector<Piece> pieces;
    size_t held = 0;
    size_t held_max = 0;
    const auto check_and_free = [&](size_t i) {
        const Piece piece = pieces[i];
        const uint8_t* const at = arena.at(piece.position);
        REQUIRE(std::all_of(at, at + piece.bytes, [&](uint8_t b) { return b == piece.mark; }));
        arena.recycle(piece.position, piece.bytes);
        held -= (piece.bytes + 3) / 4 * 4;
        pieces[i] = pieces.back();
        pieces.pop_back();
    };
    for (int step = 0; step < 20000; ++step) {
        if (pieces.size() < 1500 && (pieces.empty() || random.below(2) == 0)) {
            const uint64_t kind = random.below(1000);
            const size_t bytes = 1 + (kind == 0   ? random.below(600'000)
                                      : kind < 20 ? random.below(20'000)
                                                  : random.below(200));
            const Piece piece{.position = arena.allocate(bytes),
                              .bytes = bytes,
                              .mark = static_cast<uint8_t>(random.below(256))};
            std::memset(arena.at(piece.position), piece.mark, bytes);
            pieces.push_back(piece);
            held += (bytes + 3) / 4 * 4;
            held_max = std::max(held_max, held);
        } else {
            check_and_free(random.below(pieces.size()));
        }
        REQUIRE(arena.bytes() - arena.free_bytes() == held);
    }
    CHECK(memory.bytes(HeadPart::kSymbols) == static_cast<int64_t>(arena.bytes()));
    while (!pieces.empty()) {
        check_and_free(0);
    }
    CHECK(arena.free_bytes() == arena.bytes());
}

TEST_CASE("arena takes no more blocks for what comes in place of what went", "[tsdb][catalog]") {
    base::Budget budget("test");
    tsdb::HeadMemory memory(budget);
    tsdb::BlockArena arena(memory, HeadPart::kSymbols);
    std::vector<uint32_t> pieces;
    pieces.reserve(50'000);
    for (size_t i = 0; i < 50'000; ++i) {
        pieces.push_back(arena.allocate(10 + i % 30));
    }
    const size_t before = arena.bytes();
    for (int round = 0; round < 5; ++round) {
        for (size_t i = 0; i < pieces.size(); ++i) {
            arena.recycle(pieces[i], 10 + i % 30);
        }
        for (size_t i = 0; i < pieces.size(); ++i) {
            pieces[i] = arena.allocate(10 + i % 30);
        }
        CHECK(arena.bytes() == before);
    }
}

TEST_CASE("a symbol without a use is forgotten, its text read until recycled", "[tsdb][catalog]") {
    base::Budget budget("test");
    tsdb::HeadMemory memory(budget);
    tsdb::Symbols symbols(memory);
    const auto length = GENERATE(size_t{0}, size_t{5}, size_t{254}, size_t{255}, size_t{300'000});
    CAPTURE(length);
    const std::string text(length, 'x');
    const uint32_t first = symbols.intern(text);
    const uint32_t twice[] = {first, first};
    const uint32_t once[] = {first};
    symbols.retain(twice);
    std::vector<uint32_t> forgotten;
    symbols.release(once, forgotten);
    CHECK(forgotten.empty());
    CHECK(symbols.find(text) == first);

    symbols.release(once, forgotten);
    CHECK(forgotten == std::vector<uint32_t>{first});
    CHECK(symbols.find(text) == tsdb::Symbols::kNone);
    CHECK(symbols.size() == 0);
    CHECK(symbols.text_bytes() == 0);
    CHECK(symbols.text(first) == text);

    // The same text comes back while the old one is still read.
    const uint32_t second = symbols.intern(text);
    CHECK(second != first);
    CHECK(symbols.text(first) == text);
    CHECK(symbols.text(second) == text);

    symbols.recycle(forgotten);
    CHECK(symbols.find(text) == second);
    CHECK(symbols.intern(std::string(length, 'y')) == (length == 0 ? second : first));
}

TEST_CASE("symbols count more uses than fit in their byte", "[tsdb][catalog]") {
    base::Budget budget("test");
    tsdb::HeadMemory memory(budget);
    tsdb::Symbols symbols(memory);
    const auto uses = GENERATE(size_t{1}, size_t{254}, size_t{255}, size_t{256}, size_t{1000});
    CAPTURE(uses);
    const uint32_t symbol = symbols.intern("text");
    const std::vector<uint32_t> all(uses, symbol);
    std::vector<uint32_t> forgotten;
    symbols.retain(all);
    symbols.release(std::span(all).first(uses - 1), forgotten);
    CHECK(forgotten.empty());
    symbols.release(std::span(all).first(1), forgotten);
    CHECK(forgotten.size() == 1);
}

TEST_CASE("posting list holds what a set holds, and tells its bytes", "[tsdb][catalog]") {
    const auto seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    for (int run = 0; run < 30; ++run) {
        tsdb::PostingList list(7);
        std::set<uint32_t> model;
        int64_t bytes = 0;
        const size_t high = 2 + random.below(run < 20 ? 60 : 3000);
        for (int wave = 0; wave < 3; ++wave) {
            while (model.size() < high) {
                const auto slot = static_cast<uint32_t>(random.below(200'000));
                if (model.insert(slot).second) {
                    bytes += list.add(slot);
                }
            }
            tsdb::SlotSet all;
            list.union_into(all);
            REQUIRE(all.slots() == std::vector<uint32_t>(model.begin(), model.end()));
            while (model.size() > high / 8) {
                auto at = model.lower_bound(static_cast<uint32_t>(random.below(200'000)));
                at = at == model.end() ? model.begin() : at;
                const uint32_t slot = *at;
                model.erase(at);
                bytes += list.remove(slot);
                REQUIRE(list.size() == model.size());
                REQUIRE_FALSE(list.contains(slot));
            }
            tsdb::SlotSet left;
            list.union_into(left);
            REQUIRE(left.slots() == std::vector<uint32_t>(model.begin(), model.end()));
        }
        while (!model.empty()) {
            bytes += list.remove(*model.begin());
            model.erase(model.begin());
        }
        REQUIRE(bytes == 0);
    }
}

TEST_CASE("label index says what a naive one says while series come and go", "[tsdb][catalog]") {
    const auto seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    base::Budget budget("test");
    tsdb::HeadMemory memory(budget);
    tsdb::LabelIndex index(memory);
    const int64_t bytes_before = memory.bytes(HeadPart::kPostings);
    std::map<uint32_t, OwnedSet> series;
    std::vector<uint32_t> begun;
    std::vector<uint32_t> ended;
    const auto check = [&] {
        std::map<uint32_t, std::map<uint32_t, std::vector<uint32_t>>> model;
        size_t pairs = 0;
        for (const auto& [slot, labels] : series) {
            for (size_t i = 0; i < labels.names.size(); ++i) {
                auto& slots = model[labels.names[i]][labels.values[i]];
                pairs += slots.empty() ? 1 : 0;
                slots.push_back(slot);
            }
        }
        REQUIRE(index.pairs() == pairs);
        REQUIRE(index.all().size() == series.size());
        std::vector<uint32_t> names;
        for (const auto& [name, values] : model) {
            names.push_back(name);
            std::map<uint32_t, uint32_t> counts;
            for (const auto& value : index.values(name)) {
                REQUIRE(counts.emplace(value.value, value.series).second);
            }
            REQUIRE(index.value_count(name) == values.size());
            REQUIRE(counts.size() == values.size());
            for (const auto& [value, slots] : values) {
                REQUIRE(counts[value] == slots.size());
                const uint32_t wanted[] = {value, 999'999};
                REQUIRE(index.with_any(name, wanted).slots() == slots);
            }
        }
        REQUIRE(sorted(index.names()) == names);
    };
    uint32_t next_slot = 0;
    for (int round = 0; round < 30; ++round) {
        for (int i = 0; i < 200; ++i) {
            OwnedSet labels;
            for (uint32_t name = 0; name < 6; ++name) {
                if (random.below(4) != 0) {
                    labels.names.push_back(name);
                    labels.values.push_back(static_cast<uint32_t>(
                        name == 0 ? next_slot : 5 * random.below(uint64_t{1} << (2 * name))));
                }
            }
            index.add(next_slot, labels.view(), &begun);
            series.emplace(next_slot++, std::move(labels));
        }
        const bool all_go = round % 10 == 9;
        std::vector<tsdb::SlotLabels> gone;
        for (const auto& [slot, labels] : series) {
            if (all_go || random.below(3) == 0) {
                gone.push_back({.slot = slot, .labels = labels.view()});
            }
        }
        index.remove(gone, ended);
        for (const auto& one : gone) {
            series.erase(one.slot);
        }
        check();
        REQUIRE(begun.size() - ended.size() == index.pairs());
        if (all_go) {
            REQUIRE(sorted(begun) == sorted(ended));
            REQUIRE(index.names().empty());
            REQUIRE(memory.bytes(HeadPart::kPostings) == bytes_before);
        }
    }
}

TEST_CASE("label sets give back what was added, whichever set they resemble", "[tsdb][catalog]") {
    const auto seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    base::Budget budget("test");
    tsdb::HeadMemory memory(budget);
    tsdb::Symbols symbols(memory);
    tsdb::LabelSets sets(memory, symbols);
    const auto random_set = [&] {
        std::vector<std::string> texts;
        texts.reserve(200);
        std::vector<model::LabelView> views;
        const size_t names = random.below(20) == 0 ? 40 : random.below(12);
        for (size_t i = 0; i < names; ++i) {
            texts.push_back("name" + std::to_string(i));
            texts.push_back("v" + std::to_string(random.below(random.below(3) == 0 ? 1000 : 2)));
            views.push_back({.name = texts[texts.size() - 2], .value = texts.back()});
        }
        return model::Labels::from_unsorted(views);
    };
    std::vector<std::pair<tsdb::LabelsRef, model::Labels>> held;
    std::vector<uint32_t> forgotten;
    int64_t full = 0;
    for (int round = 0; round < 20; ++round) {
        while (held.size() < 2000) {
            model::Labels labels = random_set();
            const tsdb::LabelsRef ref = sets.add(labels);
            REQUIRE(ref != 0);
            held.emplace_back(ref, std::move(labels));
        }
        for (const auto& [ref, labels] : held) {
            REQUIRE(sets.labels(ref) == labels);
            REQUIRE(sets.equals(ref, labels));
        }
        const size_t keep = round % 5 == 4 ? 0 : random.below(2000);
        while (held.size() > keep) {
            const size_t i = random.below(held.size());
            sets.recycle(held[i].first, forgotten);
            held[i] = std::move(held.back());
            held.pop_back();
        }
        if (keep == 0) {
            // Every name that a list of names used was let go; the blocks stay.
            std::set<std::string> names;
            for (const uint32_t symbol : forgotten) {
                names.emplace(symbols.text(symbol));
            }
            REQUIRE(names.size() == forgotten.size());
            REQUIRE(names.contains("name39"));
            const int64_t bytes = memory.bytes(HeadPart::kLabels);
            REQUIRE((full == 0 || bytes <= full));
            full = bytes;
            symbols.recycle(forgotten);
            forgotten.clear();
        }
    }
}

TEST_CASE("series map forgets a series among those of the same hash", "[tsdb][catalog]") {
    base::Budget budget("test");
    tsdb::HeadMemory memory(budget);
    tsdb::SeriesMap map(memory);
    const auto find = [&](uint64_t hash, uint32_t slot) { return map.find(hash, is(slot)); };
    const auto add = [&](uint64_t hash, uint32_t slot) {
        bool created = false;
        const auto create = [slot]() -> base::Result<uint32_t> { return slot; };
        REQUIRE(map.find_or_create(hash, is(slot), create, created).value() == slot);
        return created;
    };
    for (uint32_t slot = 0; slot < 100; ++slot) {
        CHECK(add(slot % 3, slot));
    }
    map.erase(1, 4);
    CHECK(find(1, 4) == tsdb::SeriesMap::kNone);
    CHECK(find(1, 7) == 7);
    CHECK(add(1, 4));
    CHECK_FALSE(add(1, 4));
    for (uint32_t slot = 0; slot < 100; ++slot) {
        map.erase(slot % 3, slot);
    }
    CHECK(memory.bytes(HeadPart::kSeriesMap) == 0);
}

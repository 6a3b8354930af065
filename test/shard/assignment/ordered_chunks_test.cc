#include "shard/assignment/ordered_chunks.h"

#include <map>

#include <catch2/catch.hpp>

#include "test/support/seed.h"

using namespace shard;

namespace {

struct Entry {
    model::TargetId id = 0;
    uint64_t value = 0;
};

void check_same(const OrderedChunks<Entry>& chunks, const std::map<uint64_t, uint64_t>& model) {
    REQUIRE(chunks.size() == model.size());
    auto expected = model.begin();
    size_t wrong = 0;
    chunks.for_each([&](const Entry& entry) {
        wrong += entry.id == expected->first && entry.value == expected->second ? 0 : 1;
        ++expected;
    });
    CHECK(wrong == 0);
}

}  // namespace

TEST_CASE("ordered chunks hold what a map would", "[shard][table]") {
    const auto seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    const uint64_t ids = GENERATE(300, 5000, 1'000'000);
    CAPTURE(ids);
    OrderedChunks<Entry> chunks;
    std::map<uint64_t, uint64_t> model;
    for (int phase = 0; phase < 6; ++phase) {
        const uint64_t erase_of_ten = phase % 2 == 0 ? 2 : 8;
        for (int i = 0; i < 5000; ++i) {
            const uint64_t id = random.below(ids);
            if (random.below(10) < erase_of_ten) {
                CHECK(chunks.erase(id) == (model.erase(id) != 0));
            } else {
                const uint64_t value = random.u64();
                if (Entry* const known = chunks.find(id)) {
                    known->value = value;
                } else {
                    chunks.insert({id, value});
                }
                model[id] = value;
            }
            const uint64_t other = random.below(ids);
            REQUIRE((chunks.find(other) != nullptr) == model.contains(other));
        }
        check_same(chunks, model);
    }
    while (!model.empty()) {
        const uint64_t id = model.begin()->first;
        REQUIRE(chunks.erase(id));
        model.erase(id);
    }
    check_same(chunks, model);
    CHECK(chunks.find(0) == nullptr);
}

TEST_CASE("records that come in order fill chunks to the brim", "[shard][table]") {
    OrderedChunks<Entry> chunks;
    constexpr size_t kEntries = 100'000;
    for (size_t i = 0; i < kEntries; ++i) {
        chunks.insert({i, i});
    }
    CHECK(chunks.memory_bytes() < kEntries * sizeof(Entry) * 102 / 100);
}

TEST_CASE("chunks that have become empty are given back", "[shard][table]") {
    OrderedChunks<Entry> chunks;
    base::SeededRandom random(7);
    std::vector<uint64_t> ids;
    for (size_t i = 0; i < 100'000; ++i) {
        ids.push_back(random.u64());
        chunks.insert({ids.back(), i});
    }
    const size_t full = chunks.memory_bytes();
    CHECK(full < ids.size() * sizeof(Entry) * 16 / 10);
    for (size_t i = 0; i < 90'000; ++i) {
        chunks.erase(ids[i]);
    }
    CHECK(chunks.memory_bytes() < full * 3 / 10);
}

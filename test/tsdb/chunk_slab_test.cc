#include "tsdb/head/chunk_slab.h"

#include <cstring>
#include <set>

#include <catch2/catch.hpp>

#include "base/random.h"
#include "test/support/seed.h"

namespace {

using tsdb::BlockPool;
using tsdb::ChunkSegment;
using tsdb::ChunkSlab;

constexpr size_t kSegmentsPerBlock = BlockPool::kBlockBytes / sizeof(ChunkSegment);

void mark(ChunkSegment* segment, uint64_t mark) {
    std::memcpy(segment->bytes, &mark, sizeof mark);
}

uint64_t mark_of(const ChunkSegment* segment) {
    uint64_t mark = 0;
    std::memcpy(&mark, segment->bytes, sizeof mark);
    return mark;
}

}  // namespace

TEST_CASE("blocks of chunks in which nothing lies any more go back to the system", "[tsdb][head]") {
    base::Budget budget("test");
    tsdb::HeadMemory memory(budget);
    BlockPool pool(memory);
    ChunkSlab slab(pool);
    constexpr size_t kBlocks = 1000;
    constexpr size_t kKeepEvery = 10;  // blocks
    std::vector<ChunkSegment*> kept;
    std::vector<ChunkSegment*> others;
    for (size_t i = 0; i < kBlocks * kSegmentsPerBlock; ++i) {
        ChunkSegment* const segment = slab.allocate(nullptr);
        mark(segment, i);
        (i % (kKeepEvery * kSegmentsPerBlock) == 0 ? kept : others).push_back(segment);
    }
    const auto bytes = [&] { return memory.bytes(tsdb::HeadPart::kOpenChunks); };
    const int64_t full = bytes();
    CHECK(full == kBlocks * BlockPool::kBlockBytes);
    slab.trim();
    CHECK(bytes() == full);

    for (ChunkSegment* const segment : others) {
        slab.free(segment);
    }
    slab.trim();
    CHECK(bytes() <= static_cast<int64_t>((kBlocks / kKeepEvery + BlockPool::kWarmMax + 1) *
                                          BlockPool::kBlockBytes));
    for (size_t i = 0; i < kept.size(); ++i) {
        CHECK(mark_of(kept[i]) == i * kKeepEvery * kSegmentsPerBlock);
    }
}

TEST_CASE("chunks stay whole when others come and go and blocks are given back",
          "[tsdb][head][property]") {
    const uint64_t seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    base::Budget budget("test");
    tsdb::HeadMemory memory(budget);
    BlockPool pool(memory);
    ChunkSlab slab(pool);
    std::vector<ChunkSegment*> live;
    std::set<ChunkSegment*> addresses;
    for (int round = 0; round < 30; ++round) {
        for (uint64_t i = random.below(20 * kSegmentsPerBlock); i > 0; --i) {
            ChunkSegment* const segment = slab.allocate(nullptr);
            REQUIRE(addresses.insert(segment).second);
            mark(segment, reinterpret_cast<uint64_t>(segment));
            live.push_back(segment);
        }
        for (size_t keep = random.below(live.size() + 1); live.size() > keep;) {
            addresses.erase(live.back());
            slab.free(live.back());
            live.pop_back();
        }
        slab.trim();
        for (const ChunkSegment* const segment : live) {
            REQUIRE(mark_of(segment) == reinterpret_cast<uint64_t>(segment));
        }
    }
}

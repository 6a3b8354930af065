// Blocks for the planner's tests: named by a small number, which becomes their ULID.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "tsdb/compact/planner.h"

namespace test_support {

// The n-th name, in the order of n; n below 2^31.
inline tsdb::block::Ulid ulid(unsigned n) {
    tsdb::block::Ulid out;
    for (size_t i = 0; i < 4; ++i) {
        out.bytes[out.bytes.size() - 1 - i] = static_cast<uint8_t>(n >> (8 * i));
    }
    return out;
}

inline unsigned number(const tsdb::block::Ulid& ulid) {
    unsigned n = 0;
    for (size_t i = 12; i < ulid.bytes.size(); ++i) {
        n = n << 8 | ulid.bytes[i];
    }
    return n;
}

inline std::vector<unsigned> numbers(const std::vector<tsdb::block::Ulid>& ulids) {
    std::vector<unsigned> out(ulids.size());
    std::ranges::transform(ulids, out.begin(), number);
    return out;
}

inline tsdb::PlannedBlock planned(unsigned n, int64_t min_t, int64_t max_t) {
    tsdb::PlannedBlock block;
    block.meta.ulid = ulid(n);
    block.meta.min_t = min_t;
    block.meta.max_t = max_t;
    block.meta.sources = {ulid(n)};
    return block;
}

inline tsdb::PlannedBlock with_tombstones(tsdb::PlannedBlock block,
                                          uint64_t tombstones,
                                          uint64_t series) {
    block.meta.stats.tombstones = tombstones;
    block.meta.stats.series = series;
    return block;
}

inline tsdb::PlannedBlock with_hint(tsdb::PlannedBlock block, std::string_view hint) {
    block.meta.hints.emplace_back(hint);
    return block;
}

inline tsdb::PlannedBlock failed(tsdb::PlannedBlock block) {
    block.meta.failed = true;
    return block;
}

inline tsdb::PlannedBlock sized(tsdb::PlannedBlock block, uint64_t bytes) {
    block.bytes = bytes;
    return block;
}

}  // namespace test_support

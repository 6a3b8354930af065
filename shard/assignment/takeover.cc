// Weighted rendezvous in whole numbers, so that every machine comes to the same answer: a node's
// score for a target is -log2(h / 2^64) / budget, with h a hash of target, silent node and this
// node; the lowest score wins, and of equal ones the lower number. source: docs/protocol.md, "The
// table"
#include <algorithm>
#include <array>
#include <bit>

#include "shard/assignment/table.h"
#include "shard/assignment/table_content.h"

namespace shard {

namespace {

using Wide = unsigned __int128;

constexpr unsigned kTableBits = 8;
constexpr size_t kTableSize = size_t{1} << kTableBits;
constexpr unsigned kFractionBits = 32;

// log2(1 + i / 256) * 2^32, rounded down, bit by bit: squaring a number doubles its logarithm.
constexpr uint64_t log2_of_step(size_t i) {
    constexpr unsigned kOne = 62;  // 1.0 is 2^62; numbers stay below 4.0
    uint64_t x = (uint64_t{kTableSize} + i) << (kOne - kTableBits);
    uint64_t log = 0;
    for (unsigned bit = 0; bit < kFractionBits; ++bit) {
        x = static_cast<uint64_t>((static_cast<Wide>(x) * x) >> kOne);
        log <<= 1;
        if (x >> (kOne + 1) != 0) {
            log |= 1;
            x >>= 1;
        }
    }
    return log;
}

constexpr std::array<uint64_t, kTableSize + 1> make_log2_table() {
    std::array<uint64_t, kTableSize + 1> table{};
    for (size_t i = 0; i < kTableSize; ++i) {
        table[i] = log2_of_step(i);
    }
    table[kTableSize] = uint64_t{1} << kFractionBits;
    return table;
}

constexpr std::array<uint64_t, kTableSize + 1> kLog2 = make_log2_table();

// -log2(h / 2^64) * 2^32, in straight lines between 256 points per doubling; 1 at least.
constexpr uint64_t distance(uint64_t h) {
    h = std::max<uint64_t>(h, 1);
    const auto zeros = static_cast<unsigned>(std::countl_zero(h));
    const uint64_t mantissa = h << zeros << 1;  // what follows the highest bit
    const size_t step = mantissa >> (64 - kTableBits);
    const uint64_t rest = (mantissa << kTableBits) >> (64 - kFractionBits);
    const uint64_t slope = kLog2[step + 1] - kLog2[step];
    const uint64_t fraction = kLog2[step] + ((slope * rest) >> kFractionBits);
    return ((uint64_t{zeros} + 1) << kFractionBits) - fraction;
}

// A bijection that spreads every bit (the finalizer of SplitMix64).
constexpr uint64_t mix(uint64_t x) {
    x += 0x9e3779b97f4a7c15;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
}

constexpr uint64_t pair(NodeNumber silent, NodeNumber node) {
    return (uint64_t{silent} << 32) | node;
}

static_assert(distance(uint64_t{1} << 63) == uint64_t{1} << kFractionBits);
static_assert(distance(1) == uint64_t{64} << kFractionBits);
static_assert(distance(UINT64_MAX) >= 1);

// Has another slot of the target, or soon will.
bool has_other_slot(const TargetView& target, NodeNumber node) {
    const bool owns = std::any_of(target.owners.begin(),
                                  target.owners.end(),
                                  [&](const Owner& owner) { return owner.node == node; });
    return owns || (target.move != nullptr && target.move->to == node);
}

// The best so far, of those that have no other slot and of those that have one.
struct Best {
    NodeNumber node = kNoNode;
    uint64_t distance = 0;
    uint64_t budget = 1;

    void offer(NodeNumber other, uint64_t other_distance, uint64_t other_budget) {
        const bool closer =
            static_cast<Wide>(other_distance) * budget < static_cast<Wide>(distance) * other_budget;
        if (node == kNoNode || closer) {
            *this = {other, other_distance, other_budget};
        }
    }
};

}  // namespace

NodeNumber takeover_owner(const Takeover& takeover,
                          const TargetView& target,
                          std::span<const NodeRecord> nodes) {
    const bool has_slot =
        std::any_of(target.owners.begin(), target.owners.end(), [&](const Owner& owner) {
            return owner.node == takeover.node;
        });
    if (!has_slot || takeover.node == kNoNode) {
        return kNoNode;
    }
    if (target.move != nullptr && target.move->from == takeover.node &&
        std::binary_search(takeover.by.begin(), takeover.by.end(), target.move->to) &&
        find_node(nodes, target.move->to) != nullptr) {
        return target.move->to;
    }
    Best free, any;
    auto record = nodes.begin();
    for (const NodeNumber by : takeover.by) {
        while (record != nodes.end() && record->number < by) {
            ++record;
        }
        if (record == nodes.end() || record->number != by || by == takeover.node) {
            continue;
        }
        const uint64_t far = distance(mix(target.id ^ mix(pair(takeover.node, by))));
        const uint64_t budget = std::max<uint64_t>(record->series_budget, 1);
        any.offer(by, far, budget);
        if (!has_other_slot(target, by)) {
            free.offer(by, far, budget);
        }
    }
    return free.node != kNoNode ? free.node : any.node;
}

}  // namespace shard

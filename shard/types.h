// The words of placement that the table, the planner, sessions and nodes share.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/target.h"

namespace shard {

// A node's number in its cluster, given when it first joins; never another node's. 0: no node.
using NodeNumber = uint32_t;
// Counts the changes of the table. What carries a lower one is old.
using Epoch = uint64_t;

inline constexpr NodeNumber kNoNode = 0;

// --- limits
// ----------------------------------------------------------------------------------------

inline constexpr size_t kNodesMax = 4096;
inline constexpr size_t kTargetsMax = size_t{16} << 20;
inline constexpr size_t kReplicasMax = 8;
inline constexpr size_t kNameBytesMax = 253;  // of a node id, a zone, a job

// What an operator wants of a node.
enum class Admin : uint8_t {
    kActive = 1,
    kMaintenance = 2,  // for a while: others scrape for it, it gets its targets back
    kDraining = 3,     // its targets move away, it gets no others
    kDrained = 4,      // has none; its samples are still read
};

// A target's size as it is replicated, so that a new leader can plan before anyone has reported: a
// quarter of a power of two. 0: not measured yet.
using WeightClass = uint8_t;
[[nodiscard]] WeightClass weight_class(uint64_t series);
// The middle of a class, in series. 0: 0.
[[nodiscard]] uint64_t class_series(WeightClass weight);

}  // namespace shard

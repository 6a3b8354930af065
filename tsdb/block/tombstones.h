// Deleted stretches of series, and the file of a block that holds them.
// source: docs/formats/block.md, after Prometheus 3.14
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_view.h"
#include "base/file.h"
#include "base/result.h"

namespace tsdb::block {

inline constexpr std::string_view kTombstonesFile = "tombstones";

// Times, both ends inclusive.
struct Interval {
    int64_t min_t = 0;
    int64_t max_t = 0;

    auto operator<=>(const Interval&) const = default;
};

// Sorted, disjoint, not touching.
using Intervals = std::vector<Interval>;

// Adds a stretch, joining what it touches.
void add_interval(Intervals& intervals, Interval interval);
// Whether one of them covers the whole stretch; whether any touches it.
[[nodiscard]] bool covers(std::span<const Interval> intervals, int64_t min_t, int64_t max_t);
[[nodiscard]] bool overlaps(std::span<const Interval> intervals, int64_t min_t, int64_t max_t);
[[nodiscard]] bool contains(std::span<const Interval> intervals, int64_t t);

// By series: the id of a block's series, or the ref of a head's.
using Tombstones = std::map<uint64_t, Intervals>;

// errors  kCorrupt, kUnsupported: a version other than 1
[[nodiscard]] base::Result<Tombstones> parse_tombstones(base::ByteView file);
[[nodiscard]] std::string to_bytes(const Tombstones& tombstones);

// Replaces the block's file, and its sums when the block has any. The stones that meta.json counts
// are the caller's to write afterwards.
[[nodiscard]] base::Status write_tombstones(base::Files& files,
                                            const base::Path& folder,
                                            const Tombstones& tombstones);

}  // namespace tsdb::block

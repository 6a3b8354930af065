// The accounts that several holders give of one series, joined into one.
#pragma once

#include <cstdint>
#include <vector>

#include "query/exec/columns.h"

namespace query::exec {

// What the interval of a series is taken to be, in ms, while no holder has two samples of it: less
// than half of it apart, single samples of two holders are two accounts of one scrape.
inline constexpr uint64_t kUnknownIntervalMs = 5000;

// Joins accounts by the rule of the sticky source: samples come from one account until its next one
// is more than 1.5 intervals away; then from the account with the earliest sample that is more than
// half an interval after the last one taken. So no two accounts interleave, and a counter does not
// step back where the holders' clocks or phases differ by less than half an interval. The first
// source is the account with the earliest sample. Of equals the one in hand stays, then the one
// that stands first wins.
//
// The interval is the median of the deltas around the place, in the account with the shortest one:
// a holder that misses every second scrape does not hide one that misses none, and an interval
// that is reconfigured is followed. While all have few deltas it is the longest one. One delta (two
// samples) is its own median; of an even number it is the lower one of the middle, because gaps
// only make deltas longer.
//
// A stale marker counts only when no other account has a sample in the interval after it. Where
// max_t comes first, and that is not known yet, it counts only when every other account has ended:
// with a marker of its own, or more than 1.5 intervals before.
//
// Accounts that are copies of the same samples are united first (replica_copies.h): different holes
// in them make their union, bit for bit.
//
// What histograms say about resets is forgotten where the sample before is not from the same
// account.
//   accounts  one per holder, each in order
//   max_t     ms, inclusive: samples after it are used but they are not all there
//   out       cleared first; times ascend strictly, floats and histograms taken together (except
//             that one account may have both at one time)
void join_replicas(std::vector<Columns> accounts, int64_t max_t, Columns& out);

}  // namespace query::exec

// One series' samples as columns, decoded once.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "model/chunk.h"
#include "query/exec/block.h"

namespace query::exec {

// Floats and histograms apart, each in time order. Start timestamps are kept only when any sample
// has one; then there is one per sample (0: none).
struct Columns {
    std::vector<int64_t> t;
    std::vector<double> v;
    std::vector<int64_t> st;

    std::vector<int64_t> histogram_t;
    std::vector<HistogramPtr> histogram;
    std::vector<int64_t> histogram_st;

    void clear();

    [[nodiscard]] size_t size() const { return t.size() + histogram_t.size(); }

    void add(int64_t time, double value) {
        t.push_back(time);
        v.push_back(value);
    }

    void add(int64_t time, HistogramPtr value) {
        histogram_t.push_back(time);
        histogram.push_back(std::move(value));
    }

    // The same with a start timestamp (0: none).
    void add(int64_t time, int64_t start_time, double value);
    void add(int64_t time, int64_t start_time, HistogramPtr value);

    // Sorts by time and removes repeats: of equal times the one added first stays.
    void put_in_order();

    // What the histograms take in memory, each counted once.
    [[nodiscard]] int64_t histogram_bytes() const;

    [[nodiscard]] int64_t start_time(size_t i) const { return st.empty() ? 0 : st[i]; }

    [[nodiscard]] int64_t histogram_start_time(size_t i) const {
        return histogram_st.empty() ? 0 : histogram_st[i];
    }
};

// Gauges stay gauges; anything else says nothing about resets any more.
[[nodiscard]] HistogramPtr without_reset_hint(const HistogramPtr& histogram);

// Leaves of every histogram its count, its sum and its schema, and says of each whether the counter
// was reset since the one before: without buckets nobody can find out later.
void keep_statistics(Columns& columns);

// Whether any of them is a stale marker.
[[nodiscard]] bool any_stale(std::span<const double> values);

// Decodes chunks into `out` (cleared first), sorts and removes repeats where chunks of several
// sources overlap, joins what several holders have (replica_join.h), and leaves out what lies
// outside [min_t, max_t].
//   drop_stale  leaves stale markers out: windows do not see them
//   errors      kCorrupt; kUnsupported: an encoding that is not decoded here
[[nodiscard]] base::Status decode(std::span<const model::ChunkView> chunks,
                                  int64_t min_t,
                                  int64_t max_t,
                                  bool drop_stale,
                                  Columns& out);

}  // namespace query::exec

// Functions over ranges: a window slides over a series' columns, one place per step.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "query/exec/operator.h"
#include "query/exec/series_reader.h"
#include "query/plan/plan.h"

namespace query::exec {

// The samples of one step's window, as half-open ranges of the columns.
struct Window {
    uint32_t begin = 0, end = 0;                      // floats
    uint32_t histogram_begin = 0, histogram_end = 0;  // histograms
    int64_t start_t = 0;                              // exclusive
    int64_t end_t = 0;                                // inclusive

    [[nodiscard]] bool has_floats() const { return begin != end; }

    [[nodiscard]] bool has_histograms() const { return histogram_begin != histogram_end; }

    [[nodiscard]] size_t floats() const { return end - begin; }

    [[nodiscard]] size_t histograms() const { return histogram_end - histogram_begin; }
};

// What a regression needs of the times of a window: x are seconds.
struct TimeSums {
    double sum = 0;       // of x
    double variance = 0;  // the sum of x * x, less what a mean other than zero adds
    size_t alike = 0;     // the first step of those in a row that have the same x
};

// Running totals of whole numbers, modulo 2^64.
struct WholeSums {
    uint64_t y = 0, xy = 0;  // x are seconds
};

// What depends on the times of a series' samples alone. Series of one target have the same times,
// so it is kept for those that come next.
struct WindowMemo {
    bool known = false;           // whether another series' may be the same: it has no histograms
    std::vector<int64_t> times;   // of the floats that all of it is about
    std::vector<Window> windows;  // one per step
    size_t points = 0;            // samples in the windows
    std::vector<double> factors;  // of rates, by step; empty: not worked out yet
    std::vector<TimeSums> time_sums;  // of regressions, in the same way
    std::vector<uint32_t> seconds;    // after the first time; empty when one is not whole

    // Memory of one series' work.
    std::vector<uint32_t> stretches;
    std::vector<double> totals;
    std::vector<WholeSums> whole_sums;
};

// What a function over ranges is given: one series, with all windows of all steps.
struct RollupInput {
    const plan::Node& node;
    const Call& call;
    const Columns& columns;
    std::span<const Window> windows;  // one per step
    WindowMemo& memo;                 // of these windows
    int64_t range_ms = 0;
    RangeExtension extension = RangeExtension::kNone;
    std::string_view metric;  // the series' name, for annotations
    // The values of the other arguments at every step, in their order.
    std::span<const std::vector<double>> scalars;
    RowContext& context;

    [[nodiscard]] std::span<const double> floats(const Window& window) const {
        return std::span(columns.v).subspan(window.begin, window.floats());
    }

    // Where annotations about the first argument point: a subquery has no place of its own in
    // Prometheus, so they point at the query's beginning.
    [[nodiscard]] PositionRange position() const {
        PositionRange place = place_of(*call.args[0], call);
        if (without_parens(*call.args[0]).kind == ExprKind::kSubquery) {
            place.start = 0;
        }
        return place;
    }

    [[nodiscard]] Annotations& annotations() const { return context.annotations; }
};

// Fills row `row` of `out`, in which nothing is present yet.
//   errors   kExecution: an argument is out of range; those of Pace
using RollupKernel = base::Status (*)(const RollupInput& input, Block& out, size_t row);

// The kernel of a function over ranges; never null for one the planner calls kRollup.
[[nodiscard]] RollupKernel rollup_kernel(FunctionId id);

// `node` is a kRollup; it outlives the operator. `scalars` are the other arguments.
[[nodiscard]] OperatorPtr make_rollup(const plan::Node& node,
                                      std::unique_ptr<SeriesSource> source,
                                      std::vector<OperatorPtr> scalars,
                                      ExecContext& context);
// The same over a selection, which the operator reads itself.
//   labels  that rows are wanted with, beside the metric's name; or all
[[nodiscard]] OperatorPtr make_rollup(const plan::Node& node,
                                      model::Querier& querier,
                                      std::vector<OperatorPtr> scalars,
                                      ExecContext& context,
                                      std::optional<std::span<const std::string>> labels);

// Makes `memo` that of the columns.
void remember_windows(const plan::Node& range,
                      int64_t lookback_ms,
                      const Columns& columns,
                      WindowMemo& memo);

// The windows of every step over the columns; each index only moves forward.
void slide_windows(const plan::Node& range,
                   int64_t lookback_ms,
                   const Columns& columns,
                   std::vector<Window>& windows);

// Touches the histograms of a window, as if all were as large as its last one.
[[nodiscard]] base::Status touch_histograms(Pace& pace,
                                            const RollupInput& input,
                                            const Window& window);

// Kernels, by file.
base::Status rate_kernel(const RollupInput& input, Block& out, size_t row);
base::Status increase_kernel(const RollupInput& input, Block& out, size_t row);
base::Status delta_kernel(const RollupInput& input, Block& out, size_t row);
base::Status irate_kernel(const RollupInput& input, Block& out, size_t row);
base::Status idelta_kernel(const RollupInput& input, Block& out, size_t row);
base::Status changes_kernel(const RollupInput& input, Block& out, size_t row);
base::Status resets_kernel(const RollupInput& input, Block& out, size_t row);
base::Status deriv_kernel(const RollupInput& input, Block& out, size_t row);
base::Status predict_linear_kernel(const RollupInput& input, Block& out, size_t row);
base::Status sum_kernel(const RollupInput& input, Block& out, size_t row);
base::Status avg_kernel(const RollupInput& input, Block& out, size_t row);
base::Status smoothing_kernel(const RollupInput& input, Block& out, size_t row);
[[nodiscard]] RollupKernel over_time_kernel(FunctionId id);

// rate, increase and delta of anchored and smoothed selectors.
[[nodiscard]] base::Status extended_rate(
    const RollupInput& input, bool counter, bool per_second, Block& out, size_t row);

// Start timestamps: whether a counter was reset between two samples, and whether they contradict.
[[nodiscard]] bool start_time_reset(int64_t st_before, int64_t t_before, int64_t st, int64_t t);
[[nodiscard]] bool start_time_overlap(int64_t st_before, int64_t t_before, int64_t st);

}  // namespace query::exec

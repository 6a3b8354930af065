// Values between samples: what the `smoothed` and `anchored` modifiers need.
#pragma once

#include <optional>
#include <string_view>

#include "query/annotations.h"
#include "query/exec/columns.h"
#include "query/histogram/buckets.h"

namespace query::exec {

// Where annotations of one series point.
struct Interpolation {
    std::string_view metric;
    PositionRange position;
    Annotations& annotations;
};

// The value at `t` on the line through two samples; a counter that fell starts from zero.
[[nodiscard]] double interpolate(
    int64_t t1, double v1, int64_t t2, double v2, int64_t t, bool counter);

// The same for histograms; nothing when they do not mix, which is annotated.
[[nodiscard]] std::optional<model::FloatHistogram> interpolate(int64_t t1,
                                                               const model::FloatHistogram& h1,
                                                               int64_t t2,
                                                               const model::FloatHistogram& h2,
                                                               int64_t t,
                                                               bool counter,
                                                               const Interpolation& at);

// A smoothed instant value at `reference`, from the samples within `lookback` of it.
void smooth_at(const Columns& columns,
               int64_t reference,
               int64_t lookback,
               const Interpolation& at,
               Block& out,
               size_t row,
               size_t step);

}  // namespace query::exec

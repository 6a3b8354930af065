// Series as test scripts and rule tests write them: `up{job="a"} 1 2+3x2 _ stale {{count:1}}`.
//
// Points: a number; `_` no point; `stale` the stale marker; `axN` a and N more of it; `a+bxN` and
// `a-bxN` a and then N more, each b further; `_xN` N times no point; a histogram literal
// (histogram_literal.h), also with xN and ±{{…}}xN.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/histogram.h"
#include "model/labels.h"

namespace query::testing {

inline constexpr size_t kSeriesPointsMax = 1'000'000;  // of one series; errors name it

// One place of a series.
struct Point {
    bool omitted = false;
    bool hint_given = false;  // a histogram whose counter_reset_hint counts in comparisons
    double value = 0;         // when it is neither omitted nor a histogram
    std::shared_ptr<const model::FloatHistogram> histogram;
};

struct SeriesText {
    model::Labels labels;
    std::vector<Point> points;
};

// A metric and its points.
//   errors  kInvalid, kLimit
[[nodiscard]] base::Result<SeriesText> parse_series(std::string_view text);

// Only points, separated by spaces.
[[nodiscard]] base::Result<std::vector<Point>> parse_points(std::string_view text);

}  // namespace query::testing

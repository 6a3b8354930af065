// deriv, predict_linear and double_exponential_smoothing: trends of floats.
#include <cmath>
#include <limits>

#include "query/exec/rollup.h"
#include "query/histogram/kahan.h"

namespace query::exec {
namespace {

using histogram::Kahan;
using histogram::KahanLanes;

struct Line {
    double slope = 0;
    double intercept = 0;
};

// Least squares over the samples; x in seconds after `origin`, where the intercept is.
Line regression(const Columns& columns, const Window& window, int64_t origin) {
    KahanLanes sums;  // of x, y, x * y, x * x
    bool constant = true;
    const double first = columns.v[window.begin];
    for (size_t i = window.begin; i < window.end; ++i) {
        const double y = columns.v[i];
        constant &= i == window.begin || y == first;
        const double x = static_cast<double>(columns.t[i] - origin) / 1e3;
        sums.add({x, y, x * y, x * x});
    }
    if (constant) {
        const double nan = std::numeric_limits<double>::quiet_NaN();
        return std::isinf(first) ? Line{nan, nan} : Line{0, first};
    }
    const Kahan sum_x = sums.lane(0), sum_y = sums.lane(1);
    const Kahan sum_xy = sums.lane(2), sum_xx = sums.lane(3);
    const auto n = static_cast<double>(window.floats());
    const double covariance = sum_xy.value() - sum_x.value() * sum_y.value() / n;
    const double variance = sum_xx.value() - sum_x.value() * sum_x.value() / n;
    const double slope = covariance / variance;
    return {slope, sum_y.value() / n - slope * sum_x.value() / n};
}

// Calls compute(step, window) where there are two floats or more; says so when histograms were left
// out.
template <class Compute>
base::Status for_trends(const RollupInput& input, Compute&& compute) {
    Pace pace(input.context);
    for (size_t step = 0; step < input.windows.size(); ++step) {
        const Window& window = input.windows[step];
        TRY(pace.touch(window.floats()));
        if (window.has_floats() && window.has_histograms()) {
            input.annotations().histograms_ignored_in_range(input.metric, input.position());
        }
        if (window.floats() >= 2) {
            compute(step, window);
        }
    }
    return base::success();
}

double smooth(const Columns& columns, const Window& window, double factor, double trend_factor) {
    double before = 0;
    double level = columns.v[window.begin];
    double trend = columns.v[window.begin + 1] - columns.v[window.begin];
    for (size_t i = window.begin + 1; i < window.end; ++i) {
        if (i > window.begin + 1) {
            trend = trend_factor * (level - before) + (1 - trend_factor) * trend;
        }
        before = level;
        level = factor * columns.v[i] + (1 - factor) * (level + trend);
    }
    return level;
}

bool is_factor(double value) {
    return value > 0 && value < 1;
}

}  // namespace

base::Status deriv_kernel(const RollupInput& input, Block& out, size_t row) {
    return for_trends(input, [&](size_t step, const Window& window) {
        out.set(row, step, regression(input.columns, window, input.columns.t[window.begin]).slope);
    });
}

base::Status predict_linear_kernel(const RollupInput& input, Block& out, size_t row) {
    return for_trends(input, [&](size_t step, const Window& window) {
        const Line line = regression(input.columns, window, input.node.grid.at(step));
        out.set(row, step, line.slope * input.scalars[0][step] + line.intercept);
    });
}

base::Status smoothing_kernel(const RollupInput& input, Block& out, size_t row) {
    for (size_t step = 0; step < input.windows.size(); ++step) {
        const Window& window = input.windows[step];
        if (!window.has_floats() && !window.has_histograms()) {
            continue;
        }
        const double factor = input.scalars[0][step];
        const double trend_factor = input.scalars[1][step];
        if (!is_factor(factor)) {
            return base::fail(
                base::Code::kExecution,
                "invalid smoothing factor. Expected: 0 < sf < 1, got: " + std::to_string(factor));
        }
        if (!is_factor(trend_factor)) {
            return base::fail(
                base::Code::kExecution,
                "invalid trend factor. Expected: 0 < tf < 1, got: " + std::to_string(trend_factor));
        }
    }
    return for_trends(input, [&](size_t step, const Window& window) {
        out.set(row,
                step,
                smooth(input.columns, window, input.scalars[0][step], input.scalars[1][step]));
    });
}

}  // namespace query::exec

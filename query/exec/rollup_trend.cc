// deriv, predict_linear and double_exponential_smoothing: trends of floats.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <optional>

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

constexpr int64_t kSecond = 1000;  // ms
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

double seconds_after(int64_t origin, int64_t t) {
    return static_cast<double>(t - origin) / 1e3;
}

// One window of a series, as a least squares problem: x in seconds after `origin`.
struct Points {
    const int64_t* t = nullptr;
    const double* v = nullptr;
    size_t count = 0;
    int64_t origin = 0;
    size_t alike = 0;  // the same for windows with the same x

    [[nodiscard]] double x(size_t i) const { return seconds_after(origin, t[i]); }
};

// Sums of a window's values.
struct ValueSums {
    Kahan y, xy;

    void add(double x, double y_value) {
        y.add(y_value);
        xy.add(x * y_value);
    }
};

ValueSums sum_alone(const Points& points) {
    ValueSums sums;
    for (size_t i = 0; i < points.count; ++i) {
        sums.add(points.x(i), points.v[i]);
    }
    return sums;
}

constexpr size_t kLanes = KahanLanes::kCount;

// The sums of several windows beside each other: each is a chain of additions that wait for one
// another.
//   kSameX  all have the x of the first
template <bool kSameX>
void sum_beside(const Points (&windows)[kLanes], ValueSums (&sums)[kLanes]) {
    using Lanes = KahanLanes::Lanes;
    size_t common = windows[0].count;
    for (const Points& window : windows) {
        common = std::min(common, window.count);
    }
    KahanLanes y_sums;
    KahanLanes xy_sums;
    for (size_t i = 0; i < common; ++i) {
        const Lanes y = {windows[0].v[i], windows[1].v[i], windows[2].v[i], windows[3].v[i]};
        const double first_x = windows[0].x(i);
        Lanes x = {first_x, first_x, first_x, first_x};
        if constexpr (!kSameX) {
            x = Lanes{first_x, windows[1].x(i), windows[2].x(i), windows[3].x(i)};
        }
        y_sums.add(y);
        xy_sums.add(x * y);
    }
    for (size_t lane = 0; lane < kLanes; ++lane) {
        sums[lane] = {y_sums.lane(lane), xy_sums.lane(lane)};
        for (size_t i = common; i < windows[lane].count; ++i) {
            sums[lane].add(windows[lane].x(i), windows[lane].v[i]);
        }
    }
}

Line line_through(const Points& points, const ValueSums& sums, const TimeSums& times) {
    const auto n = static_cast<double>(points.count);
    const double sum_y = sums.y.value();
    const double covariance = sums.xy.value() - times.sum * sum_y / n;
    const double slope = covariance / times.variance;
    return {slope, sum_y / n - slope * times.sum / n};
}

// The line when all values are the same, and there is nothing to compute.
Line level(double value) {
    return std::isinf(value) ? Line{kNan, kNan} : Line{0, value};
}

// Collects windows of one series and gives done(step, line) for each, several at a time.
template <class Done>
class Lines {
  public:
    explicit Lines(Done done) : done_(std::move(done)) {}

    void add(size_t step, const Points& points, const TimeSums& times) {
        same_x_ = same_x_ && (held_ == 0 || points.alike == points_[0].alike);
        steps_[held_] = step;
        points_[held_] = points;
        times_[held_] = &times;
        if (++held_ == kLanes) {
            flush();
        }
    }

    // After the last add().
    void flush() {
        if (held_ == 0) {
            return;
        }
        std::fill(points_ + held_, points_ + kLanes, points_[0]);
        ValueSums sums[kLanes];
        if (same_x_) {
            sum_beside<true>(points_, sums);
        } else {
            sum_beside<false>(points_, sums);
        }
        for (size_t i = 0; i < held_; ++i) {
            const bool finite = std::isfinite(sums[i].y.sum) && std::isfinite(sums[i].xy.sum);
            done_(steps_[i],
                  line_through(points_[i], finite ? sums[i] : sum_alone(points_[i]), *times_[i]));
        }
        held_ = 0;
        same_x_ = true;
    }

  private:
    Done done_;
    size_t held_ = 0;
    bool same_x_ = true;
    size_t steps_[kLanes] = {};
    Points points_[kLanes];
    const TimeSums* times_[kLanes] = {};
};

TimeSums time_sums(const std::vector<int64_t>& t,
                   const Window& window,
                   int64_t origin,
                   size_t step) {
    Kahan sum;
    Kahan squares;
    for (size_t i = window.begin; i < window.end; ++i) {
        const double x = seconds_after(origin, t[i]);
        sum.add(x);
        squares.add(x * x);
    }
    const auto n = static_cast<double>(window.floats());
    return {sum.value(), squares.value() - sum.value() * sum.value() / n, step};
}

// Whether both windows, of equally many samples, have the same times, seen from their origins.
bool same_times(const std::vector<int64_t>& t,
                const Window& a,
                int64_t a_origin,
                const Window& b,
                int64_t b_origin) {
    bool other = false;  // asked at the end: that leaves a loop of vector instructions
    for (size_t i = 0; i < a.floats(); ++i) {
        other |= t[a.begin + i] - a_origin != t[b.begin + i] - b_origin;
    }
    return !other;
}

// Where x is zero in a window: at its first sample.
struct AtFirst {
    const RollupInput& input;

    int64_t operator()(size_t /*step*/, const Window& window) const {
        return input.columns.t[window.begin];
    }
};

// The same: at the step.
struct AtStep {
    const RollupInput& input;

    int64_t operator()(size_t step, const Window& /*window*/) const {
        return input.node.grid.at(step);
    }
};

// Seconds after the first time, where all are whole; else nothing.
void find_seconds(const std::vector<int64_t>& t, std::vector<uint32_t>& seconds) {
    seconds.clear();
    constexpr uint64_t kMost = uint64_t{kSecond} * std::numeric_limits<uint32_t>::max();
    if (t.empty() || static_cast<uint64_t>(t.back()) - static_cast<uint64_t>(t.front()) > kMost) {
        return;
    }
    seconds.resize(t.size());
    for (size_t i = 0; i < t.size(); ++i) {
        const int64_t after = t[i] - t[0];
        seconds[i] = static_cast<uint32_t>(after / kSecond);
        if (after % kSecond != 0) {
            seconds.clear();
            return;
        }
    }
}

// The sums over x of all windows with two floats or more, which depend on times alone.
template <class Origin>
const std::vector<TimeSums>& time_sums_of(const RollupInput& input, const Origin& origin) {
    std::vector<TimeSums>& all = input.memo.time_sums;
    if (!all.empty()) {
        return all;
    }
    const std::vector<int64_t>& t = input.columns.t;
    find_seconds(t, input.memo.seconds);
    all.resize(input.windows.size());
    for (size_t step = 0; step < all.size(); ++step) {
        const Window& window = input.windows[step];
        if (window.floats() < 2) {
            continue;
        }
        const int64_t zero = origin(step, window);
        const Window* const before = step > 0 ? &input.windows[step - 1] : nullptr;
        if (before != nullptr && before->floats() == window.floats() &&
            same_times(t, *before, origin(step - 1, *before), window, zero)) {
            all[step] = all[step - 1];
        } else {
            all[step] = time_sums(t, window, zero, step);
        }
    }
    return all;
}

// By sample, where the stretch of equal values begins that it belongs to.
void find_stretches(const std::vector<double>& v, std::vector<uint32_t>& begins) {
    begins.resize(v.size());
    uint32_t begin = 0;
    for (uint32_t i = 0; i < v.size(); ++i) {
        if (i > 0 && v[i] != v[i - 1]) {
            begin = i;
        }
        begins[i] = begin;
    }
}

// The sums of windows whose seconds and values are whole numbers: as long as those over one window
// stay below 2^53 they are exact in any order, what Kahan keeps beside them is zero, and they are
// differences of running totals.
class WholeLines {
  public:
    // Known when the windows have several samples more than once, and all are such numbers.
    explicit WholeLines(const RollupInput& input)
        : seconds_(input.memo.seconds), totals_(input.memo.whole_sums) {
        size_t looked_at = 0;
        for (const Window& window : input.windows) {
            looked_at += window.floats();
        }
        const std::vector<double>& v = input.columns.v;
        known_ = !seconds_.empty() && looked_at > v.size() * kOftenEnough && add_up(v);
    }

    // Nothing when they may not be exact.
    [[nodiscard]] std::optional<ValueSums> sums(const Columns& columns,
                                                const Window& window,
                                                int64_t origin) const {
        if (!known_ || (origin - columns.t.front()) % kSecond != 0) {
            return std::nullopt;
        }
        const int64_t zero = (origin - columns.t.front()) / kSecond;
        const auto most_x = static_cast<double>(
            std::max(std::abs(static_cast<int64_t>(seconds_[window.begin]) - zero),
                     std::abs(static_cast<int64_t>(seconds_[window.end - 1]) - zero)));
        if ((most_x + 1) * most_y_ * static_cast<double>(window.floats()) >= kSumMax) {
            return std::nullopt;
        }
        const WholeSums& before = totals_[window.begin];
        const WholeSums& after = totals_[window.end];
        const uint64_t y = after.y - before.y;
        const uint64_t xy = after.xy - before.xy - static_cast<uint64_t>(zero) * y;
        return ValueSums{{static_cast<double>(static_cast<int64_t>(y)), 0},
                         {static_cast<double>(static_cast<int64_t>(xy)), 0}};
    }

  private:
    static constexpr size_t kOftenEnough = 3;  // totals cost as much as looking so often
    static constexpr double kSumMax = 0x1p53;

    bool add_up(const std::vector<double>& v) {
        totals_.resize(v.size() + 1);
        totals_[0] = {};
        WholeSums total;
        for (size_t i = 0; i < v.size(); ++i) {
            const double size = std::fabs(v[i]);
            if (!(size < kSumMax)) {
                return false;
            }
            const auto y = static_cast<int64_t>(v[i]);
            if (static_cast<double>(y) != v[i]) {
                return false;
            }
            most_y_ = std::max(most_y_, size);
            total.y += static_cast<uint64_t>(y);
            total.xy += static_cast<uint64_t>(y) * seconds_[i];
            totals_[i + 1] = total;
        }
        return true;
    }

    const std::vector<uint32_t>& seconds_;
    std::vector<WholeSums>& totals_;
    double most_y_ = 0;
    bool known_ = false;
};

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

// done(step, line) for the line of least squares through every window.
template <class Origin, class Done>
base::Status fit_lines(const RollupInput& input, const Origin& origin, Done&& done) {
    const Columns& columns = input.columns;
    const std::vector<TimeSums>& times = time_sums_of(input, origin);
    find_stretches(columns.v, input.memo.stretches);
    const WholeLines whole(input);
    Lines lines(done);
    TRY(for_trends(input, [&](size_t step, const Window& window) {
        if (input.memo.stretches[window.end - 1] <= window.begin) {
            done(step, level(columns.v[window.begin]));
            return;
        }
        const Points points{columns.t.data() + window.begin,
                            columns.v.data() + window.begin,
                            window.floats(),
                            origin(step, window),
                            times[step].alike};
        if (const auto sums = whole.sums(columns, window, points.origin)) {
            done(step, line_through(points, *sums, times[step]));
        } else {
            lines.add(step, points, times[step]);
        }
    }));
    lines.flush();
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
    return fit_lines(input, AtFirst{input}, [&](size_t step, const Line& line) {
        out.set(row, step, line.slope);
    });
}

base::Status predict_linear_kernel(const RollupInput& input, Block& out, size_t row) {
    return fit_lines(input, AtStep{input}, [&](size_t step, const Line& line) {
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

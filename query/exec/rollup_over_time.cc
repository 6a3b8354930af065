// The *_over_time functions: what a window holds, folded into one value.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <deque>
#include <limits>

#include "query/exec/rollup.h"
#include "query/histogram/arithmetic.h"
#include "query/histogram/kahan.h"
#include "query/histogram/quantile.h"

namespace query::exec {
namespace {

using histogram::HistogramSum;
using histogram::Kahan;
using histogram::KahanLanes;
using model::CounterResetHint;
using model::FloatHistogram;

constexpr size_t kScanWindowMax = 16;      // longer windows use a queue for their extremes
constexpr size_t kCompareWindowMax = 256;  // or not, when only the value matters

using Values = std::span<const double>;

Values values_of(const RollupInput& input, const Window& window) {
    return Values(input.columns.v).subspan(window.begin, window.floats());
}

// fold(values) for every window with floats; says so when histograms were left out.
template <class Fold>
base::Status fold_floats(const RollupInput& input, Block& out, size_t row, Fold&& fold) {
    Pace pace(input.context);
    for (size_t step = 0; step < input.windows.size(); ++step) {
        const Window& window = input.windows[step];
        if (!window.has_floats()) {
            continue;
        }
        TRY(pace.touch(window.floats()));
        if (window.has_histograms()) {
            input.annotations().histograms_ignored_in_range(input.metric, input.position());
        }
        out.set(row, step, fold(step, window, values_of(input, window)));
    }
    return base::success();
}

// value(window) for every window with anything in it.
template <class Value>
void for_any(const RollupInput& input, Block& out, size_t row, Value&& value) {
    for (size_t step = 0; step < input.windows.size(); ++step) {
        const Window& window = input.windows[step];
        if (window.has_floats() || window.has_histograms()) {
            out.set(row, step, value(window));
        }
    }
}

base::Status count_kernel(const RollupInput& input, Block& out, size_t row) {
    for_any(input, out, row, [](const Window& window) {
        return static_cast<double>(window.floats() + window.histograms());
    });
    return base::success();
}

base::Status present_kernel(const RollupInput& input, Block& out, size_t row) {
    for_any(input, out, row, [](const Window&) { return 1.0; });
    return base::success();
}

base::Status ts_of_first_kernel(const RollupInput& input, Block& out, size_t row) {
    for_any(input, out, row, [&](const Window& window) {
        int64_t t = std::numeric_limits<int64_t>::max();
        if (window.has_floats()) {
            t = input.columns.t[window.begin];
        }
        if (window.has_histograms()) {
            t = std::min(t, input.columns.histogram_t[window.histogram_begin]);
        }
        return static_cast<double>(t) / 1000;
    });
    return base::success();
}

base::Status ts_of_last_kernel(const RollupInput& input, Block& out, size_t row) {
    for_any(input, out, row, [&](const Window& window) {
        int64_t t = std::numeric_limits<int64_t>::min();
        if (window.has_floats()) {
            t = input.columns.t[window.end - 1];
        }
        if (window.has_histograms()) {
            t = std::max(t, input.columns.histogram_t[window.histogram_end - 1]);
        }
        return static_cast<double>(t) / 1000;
    });
    return base::success();
}

// The sample at one end of a window, float or histogram.
base::Status end_kernel(const RollupInput& input, Block& out, size_t row, bool last) {
    const Columns& columns = input.columns;
    for (size_t step = 0; step < input.windows.size(); ++step) {
        const Window& window = input.windows[step];
        const size_t f = last ? window.end - 1 : window.begin;
        const size_t h = last ? window.histogram_end - 1 : window.histogram_begin;
        bool take_float = window.has_floats();
        if (take_float && window.has_histograms()) {
            take_float = last ? columns.t[f] > columns.histogram_t[h]
                              : columns.t[f] < columns.histogram_t[h];
        }
        if (take_float) {
            out.set(row, step, columns.v[f]);
        } else if (window.has_histograms()) {
            out.set(row, step, columns.histogram[h]);
        }
    }
    return base::success();
}

base::Status first_kernel(const RollupInput& input, Block& out, size_t row) {
    return end_kernel(input, out, row, false);
}

base::Status last_kernel(const RollupInput& input, Block& out, size_t row) {
    return end_kernel(input, out, row, true);
}

// ---------------------------------------------------------------------------------------------
// sum and avg

// Sums are taken of so many windows at a time: each is a chain of additions that wait for one
// another, and the chains of several windows run beside each other.
constexpr size_t kSumLanes = KahanLanes::kCount;

void add_up(const Values (&windows)[kSumLanes], Kahan (&sums)[kSumLanes]) {
    size_t common = windows[0].size();
    for (const Values window : windows) {
        common = std::min(common, window.size());
    }
    KahanLanes lanes;
    for (size_t i = 0; i < common; ++i) {
        lanes.add({windows[0][i], windows[1][i], windows[2][i], windows[3][i]});
    }
    for (size_t lane = 0; lane < kSumLanes; ++lane) {
        sums[lane] = lanes.lane(lane);
        for (const double value : windows[lane].subspan(common)) {
            sums[lane].add(value);
        }
    }
}

// The mean of the sum; when that overflows, a running mean.
double average_of(Values values) {
    Kahan sum{values[0]};
    size_t i = 1;
    for (; i < values.size(); ++i) {
        Kahan next = sum;
        next.add(values[i]);
        if (std::isinf(next.sum)) {
            break;
        }
        sum = next;
    }
    sum.divide(static_cast<double>(i));
    for (; i < values.size(); ++i) {
        const auto count = static_cast<double>(i + 1);
        sum.scale((count - 1) / count);
        sum.add(values[i] / count);
    }
    return sum.value();
}

// Collects windows of floats and sets their sums or means, kSumLanes at a time.
class FloatSums {
  public:
    FloatSums(bool average, Block& out, size_t row) : average_(average), out_(out), row_(row) {}

    void add(size_t step, Values values) {
        steps_[held_] = step;
        windows_[held_] = values;
        if (++held_ == kSumLanes) {
            flush();
        }
    }

    // After the last add().
    void flush() {
        if (held_ == 0) {
            return;
        }
        std::fill(windows_ + held_, windows_ + kSumLanes, windows_[0]);
        Kahan sums[kSumLanes];
        add_up(windows_, sums);
        for (size_t lane = 0; lane < held_; ++lane) {
            out_.set(row_, steps_[lane], result(windows_[lane], sums[lane]));
        }
        held_ = 0;
    }

  private:
    [[nodiscard]] double result(Values values, Kahan sum) const {
        if (!average_) {
            return std::isfinite(sum.sum) ? sum.value() : sum.sum;
        }
        // A mean of negative zeros is one, which a sum that begins at zero does not show.
        if (!std::isfinite(sum.sum) || sum.sum == 0) {
            return average_of(values);
        }
        sum.divide(static_cast<double>(values.size()));
        return sum.value();
    }

    const bool average_;
    Block& out_;
    const size_t row_;
    size_t held_ = 0;
    size_t steps_[kSumLanes] = {};
    Values windows_[kSumLanes];
};

// Sum or mean of the histograms of a window.
class HistogramFold {
  public:
    HistogramFold(const RollupInput& input, const Window& window)
        : input_(input),
          histograms_(std::span(input.columns.histogram)
                          .subspan(window.histogram_begin, window.histograms())) {}

    // Nothing when they do not mix.
    std::optional<FloatHistogram> run(bool average) {
        HistogramSum sum(*histograms_[0]);
        track(*histograms_[0]);
        bool running_mean = false;
        for (size_t i = 1; i < histograms_.size(); ++i) {
            track(*histograms_[i]);
            const auto count = static_cast<double>(i + 1);
            if (average && !running_mean) {
                HistogramSum next = sum;
                if (!note(next.add(*histograms_[i]))) {
                    return std::nullopt;
                }
                if (!next.has_infinity()) {
                    sum = std::move(next);
                    continue;
                }
                running_mean = true;
                sum.divide(count - 1);
            }
            if (running_mean) {
                sum.scale((count - 1) / count);
            }
            const bool fine = running_mean
                                  ? note(sum.add(histogram::divided(*histograms_[i], count)))
                                  : note(sum.add(*histograms_[i]));
            if (!fine) {
                return std::nullopt;
            }
        }
        if (average && !running_mean) {
            sum.divide(static_cast<double>(histograms_.size()));
        }
        annotate();
        return sum.result();
    }

  private:
    void track(const FloatHistogram& histogram) {
        reset_ |= histogram.hint == CounterResetHint::kReset;
        not_reset_ |= histogram.hint == CounterResetHint::kNotReset;
    }

    bool note(const histogram::Combined& combined) {
        if (combined.incompatible) {
            input_.annotations().mixed_exponential_custom(input_.metric, input_.position());
            return false;
        }
        reconciled_ |= combined.reconciled;
        return true;
    }

    void annotate() {
        if (reset_ && not_reset_) {
            input_.annotations().counter_reset_collision(HistogramOperation::kAggregation,
                                                         input_.position());
        }
        if (reconciled_) {
            input_.annotations().custom_buckets_reconciled(HistogramOperation::kAggregation,
                                                           input_.position());
        }
    }

    const RollupInput& input_;
    std::span<const HistogramPtr> histograms_;
    bool reset_ = false;
    bool not_reset_ = false;
    bool reconciled_ = false;
};

base::Status sum_or_mean(const RollupInput& input, bool average, Block& out, size_t row) {
    Pace pace(input.context);
    FloatSums floats(average, out, row);
    for (size_t step = 0; step < input.windows.size(); ++step) {
        const Window& window = input.windows[step];
        TRY(pace.touch(window.floats()));
        TRY(touch_histograms(pace, input, window));
        if (window.has_floats() && window.has_histograms()) {
            input.annotations().mixed_floats_histograms(input.metric, input.position());
        } else if (window.has_floats()) {
            floats.add(step, values_of(input, window));
        } else if (window.has_histograms()) {
            if (auto value = HistogramFold(input, window).run(average)) {
                out.set(
                    row, step, HistogramPtr(std::make_shared<FloatHistogram>(std::move(*value))));
            }
        }
    }
    floats.flush();
    return base::success();
}

base::Status sum_kernel(const RollupInput& input, Block& out, size_t row) {
    return sum_or_mean(input, false, out, row);
}

base::Status avg_kernel(const RollupInput& input, Block& out, size_t row) {
    return sum_or_mean(input, true, out, row);
}

// ---------------------------------------------------------------------------------------------
// Extremes

// better(a, b): whether `a` takes the place of `b`. A number takes the place of NaN.
template <class Better>
size_t extreme_in(Values values, Better&& better) {
    size_t best = 0;
    for (size_t i = 0; i < values.size(); ++i) {
        if (better(values[i], values[best]) || std::isnan(values[best])) {
            best = i;
        }
    }
    return best;
}

// The index of the extreme of every window. Long windows keep a queue of candidates, so that every
// sample is looked at a constant number of times.
template <class Better>
class ExtremeFinder {
  public:
    ExtremeFinder(const std::vector<double>& values, Better better)
        : values_(values), better_(better) {}

    size_t find(const Window& window) {
        if (window.floats() <= kScanWindowMax) {
            const Values values = Values(values_).subspan(window.begin, window.floats());
            return window.begin + extreme_in(values, better_);
        }
        next_ = std::max<size_t>(next_, window.begin);
        for (; next_ < window.end; ++next_) {
            if (std::isnan(values_[next_])) {
                continue;
            }
            while (!queue_.empty() && better_(values_[next_], values_[queue_.back()])) {
                queue_.pop_back();
            }
            queue_.push_back(next_);
        }
        while (!queue_.empty() && queue_.front() < window.begin) {
            queue_.pop_front();
        }
        return queue_.empty() ? window.end - 1 : queue_.front();
    }

  private:
    const std::vector<double>& values_;
    Better better_;
    std::deque<size_t> queue_;
    size_t next_ = 0;
};

// The largest value of a window, or the smallest: several are compared at once, which does not tell
// where it stands.
template <class Better>
double extreme_value(Values values, Better better) {
    constexpr size_t kAtOnce = 4;
    using Lanes = double __attribute__((vector_size(kAtOnce * sizeof(double))));
    const double worst = std::numeric_limits<double>::infinity() * (better(0.0, 1.0) ? 1.0 : -1.0);
    Lanes best = Lanes{} + worst;
    size_t i = 0;
    for (; i + kAtOnce <= values.size(); i += kAtOnce) {
        Lanes some;
        std::memcpy(&some, values.data() + i, sizeof some);
        best = better(some, best) ? some : best;
    }
    double found = worst;
    for (size_t lane = 0; lane < kAtOnce; ++lane) {
        const double one = best[lane];
        found = better(one, found) ? one : found;
    }
    for (; i < values.size(); ++i) {
        found = better(values[i], found) ? values[i] : found;
    }
    // Of zeros with either sign the first counts, and of nothing but NaN the last.
    return found == worst || found == 0 ? values[extreme_in(values, better)] : found;
}

template <class Better>
base::Status extreme_kernel(
    const RollupInput& input, Block& out, size_t row, bool time, Better better) {
    ExtremeFinder<Better> finder(input.columns.v, better);
    return fold_floats(input, out, row, [&](size_t, const Window& window, Values values) {
        if (!time && values.size() <= kCompareWindowMax) {
            return extreme_value(values, better);
        }
        const size_t i = finder.find(window);
        return time ? static_cast<double>(input.columns.t[i]) / 1000 : input.columns.v[i];
    });
}

base::Status max_kernel(const RollupInput& input, Block& out, size_t row) {
    return extreme_kernel(input, out, row, false, std::greater<>());
}

base::Status min_kernel(const RollupInput& input, Block& out, size_t row) {
    return extreme_kernel(input, out, row, false, std::less<>());
}

base::Status ts_of_max_kernel(const RollupInput& input, Block& out, size_t row) {
    return extreme_kernel(input, out, row, true, std::greater_equal<>());
}

base::Status ts_of_min_kernel(const RollupInput& input, Block& out, size_t row) {
    return extreme_kernel(input, out, row, true, std::less_equal<>());
}

// ---------------------------------------------------------------------------------------------
// Spread

double variance_of(Values values) {
    double count = 0;
    Kahan mean;
    Kahan squares;
    for (const double value : values) {
        ++count;
        const double delta = value - mean.value();
        mean.add(delta / count);
        squares.add(delta * (value - mean.value()));
    }
    return squares.value() / count;
}

base::Status stdvar_kernel(const RollupInput& input, Block& out, size_t row) {
    return fold_floats(
        input, out, row, [](size_t, const Window&, Values values) { return variance_of(values); });
}

base::Status stddev_kernel(const RollupInput& input, Block& out, size_t row) {
    return fold_floats(input, out, row, [](size_t, const Window&, Values values) {
        return std::sqrt(variance_of(values));
    });
}

base::Status quantile_kernel(const RollupInput& input, Block& out, size_t row) {
    std::vector<double> copy;
    return fold_floats(input, out, row, [&](size_t step, const Window&, Values values) {
        const double q = input.scalars[0][step];
        if (std::isnan(q) || q < 0 || q > 1) {
            input.annotations().invalid_quantile(q, input.position());
        }
        copy.assign(values.begin(), values.end());
        return histogram::quantile_of(q, copy);
    });
}

double deviation_of(Values values, std::vector<double>& copy) {
    if (std::ranges::any_of(values, [](double value) { return std::isnan(value); })) {
        return std::numeric_limits<double>::quiet_NaN();
    }
    copy.assign(values.begin(), values.end());
    const double median = histogram::quantile_of(0.5, copy);
    for (double& value : copy) {
        value = std::fabs(value - median);
    }
    return histogram::quantile_of(0.5, copy);
}

base::Status mad_kernel(const RollupInput& input, Block& out, size_t row) {
    std::vector<double> copy;
    return fold_floats(input, out, row, [&](size_t, const Window&, Values values) {
        return deviation_of(values, copy);
    });
}

}  // namespace

RollupKernel over_time_kernel(FunctionId id) {
    switch (id) {
        case FunctionId::kAbsentOverTime:
        case FunctionId::kPresentOverTime:
            return present_kernel;
        case FunctionId::kAvgOverTime:
            return avg_kernel;
        case FunctionId::kCountOverTime:
            return count_kernel;
        case FunctionId::kFirstOverTime:
            return first_kernel;
        case FunctionId::kLastOverTime:
            return last_kernel;
        case FunctionId::kMadOverTime:
            return mad_kernel;
        case FunctionId::kMaxOverTime:
            return max_kernel;
        case FunctionId::kMinOverTime:
            return min_kernel;
        case FunctionId::kQuantileOverTime:
            return quantile_kernel;
        case FunctionId::kStddevOverTime:
            return stddev_kernel;
        case FunctionId::kStdvarOverTime:
            return stdvar_kernel;
        case FunctionId::kSumOverTime:
            return sum_kernel;
        case FunctionId::kTsOfFirstOverTime:
            return ts_of_first_kernel;
        case FunctionId::kTsOfLastOverTime:
            return ts_of_last_kernel;
        case FunctionId::kTsOfMaxOverTime:
            return ts_of_max_kernel;
        case FunctionId::kTsOfMinOverTime:
            return ts_of_min_kernel;
        default:
            SKEIN_CHECK(false, "not a function over ranges", static_cast<int>(id));
            return nullptr;
    }
}

}  // namespace query::exec

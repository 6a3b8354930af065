// The *_over_time functions: what a window holds, folded into one value.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <deque>
#include <limits>

#include "query/exec/rollup.h"
#include "query/histogram/kahan.h"
#include "query/histogram/quantile.h"

namespace query::exec {
namespace {

using histogram::Kahan;

constexpr size_t kScanWindowMax = 16;      // longer windows use a queue for their extremes
constexpr size_t kCompareWindowMax = 256;  // or not, when only the value matters

using Values = std::span<const double>;

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
        out.set(row, step, fold(step, window, input.floats(window)));
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

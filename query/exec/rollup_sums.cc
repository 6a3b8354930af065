// sum_over_time and avg_over_time.
#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "query/exec/rollup.h"
#include "query/histogram/arithmetic.h"
#include "query/histogram/kahan.h"

namespace query::exec {
namespace {

using histogram::HistogramSum;
using histogram::Kahan;
using histogram::KahanLanes;
using model::CounterResetHint;
using model::FloatHistogram;

using Values = std::span<const double>;

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

    // The same of a window whose sum is known.
    void set(size_t step, Values values, Kahan sum) { out_.set(row_, step, result(values, sum)); }

    // After the last add().
    void flush() {
        if (held_ == 0) {
            return;
        }
        std::fill(windows_ + held_, windows_ + kSumLanes, windows_[0]);
        Kahan sums[kSumLanes];
        add_up(windows_, sums);
        for (size_t lane = 0; lane < held_; ++lane) {
            set(steps_[lane], windows_[lane], sums[lane]);
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

// Running totals of whole numbers whose sums are below 2^53: such sums are exact in any order, and
// what Kahan keeps beside them is zero, so that of any window is the difference of two totals.
class WholeTotals {
  public:
    // Known when the windows have several samples more than once, and all are such numbers.
    WholeTotals(const RollupInput& input, std::vector<double>& totals) : totals_(totals) {
        if (input.windows.empty()) {
            return;
        }
        first_ = input.windows.front().begin;
        const size_t count = input.windows.back().end - first_;
        size_t looked_at = 0;
        for (const Window& window : input.windows) {
            looked_at += window.floats();
        }
        known_ = looked_at > count * kOftenEnough &&
                 add_up(Values(input.columns.v).subspan(first_, count));
    }

    [[nodiscard]] bool known() const { return known_; }

    [[nodiscard]] Kahan sum(const Window& window) const {
        return {totals_[window.end - first_] - totals_[window.begin - first_], 0};
    }

  private:
    static constexpr size_t kOftenEnough = 3;  // totals cost as much as looking so often
    static constexpr size_t kAtOnce = 64;      // until it is looked whether they are whole
    static constexpr double kSumMax = 0x1p53;
    static constexpr double kWholeMax = 0x1p51;
    static constexpr double kToWhole = 0x1.8p52;  // what is added to it loses its fraction

    bool add_up(Values values) {
        totals_.resize(values.size() + 1);
        totals_[0] = 0;
        double total = 0;
        double most = 0;
        for (size_t begin = 0; begin < values.size(); begin += kAtOnce) {
            bool whole = true;
            for (size_t i = begin; i < std::min(values.size(), begin + kAtOnce); ++i) {
                const double value = values[i];
                whole &= (value + kToWhole) - kToWhole == value;
                most = std::max(most, std::fabs(value));
                totals_[i + 1] = total += value;
            }
            if (!whole) {
                return false;
            }
        }
        return most <= kWholeMax && most * static_cast<double>(values.size()) < kSumMax;
    }

    std::vector<double>& totals_;
    size_t first_ = 0;
    bool known_ = false;
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
    const WholeTotals totals(input, input.memo.totals);
    for (size_t step = 0; step < input.windows.size(); ++step) {
        const Window& window = input.windows[step];
        TRY(pace.touch(window.floats()));
        TRY(touch_histograms(pace, input, window));
        if (window.has_floats() && window.has_histograms()) {
            input.annotations().mixed_floats_histograms(input.metric, input.position());
        } else if (window.has_floats() && totals.known()) {
            floats.set(step, input.floats(window), totals.sum(window));
        } else if (window.has_floats()) {
            floats.add(step, input.floats(window));
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

}  // namespace

base::Status sum_kernel(const RollupInput& input, Block& out, size_t row) {
    return sum_or_mean(input, false, out, row);
}

base::Status avg_kernel(const RollupInput& input, Block& out, size_t row) {
    return sum_or_mean(input, true, out, row);
}

}  // namespace query::exec

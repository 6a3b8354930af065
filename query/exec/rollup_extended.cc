// rate, increase and delta of anchored and smoothed ranges: boundary samples instead of
// extrapolation.
#include <algorithm>

#include "query/exec/interpolate.h"
#include "query/exec/rollup.h"
#include "query/histogram/arithmetic.h"
#include "query/histogram/compare.h"

namespace query::exec {
namespace {

using histogram::HistogramSum;
using model::CounterResetHint;
using model::FloatHistogram;

// Which samples stand for the edges of a window.
struct Edges {
    size_t first = 0;
    size_t last = 0;
};

// Nothing when no sample lies inside the window.
std::optional<Edges> edges(const std::vector<int64_t>& times,
                           size_t begin,
                           size_t end,
                           const Window& window,
                           bool smoothed) {
    const auto at = [&](size_t i) { return times.begin() + static_cast<ptrdiff_t>(i); };
    Edges edges{begin, end - 1};
    const auto after = static_cast<size_t>(
        std::upper_bound(at(begin), at(edges.last), window.start_t) - times.begin());
    edges.first = after > begin ? after - 1 : begin;
    if (smoothed) {
        edges.last = static_cast<size_t>(std::lower_bound(at(begin), at(edges.last), window.end_t) -
                                         times.begin());
    }
    if (times[edges.last] <= window.start_t || (smoothed && times[edges.first] > window.end_t)) {
        return std::nullopt;
    }
    return edges;
}

double lost_by_resets(double left, double right, std::span<const double> between) {
    double lost = 0;
    double before = left;
    for (const double value : between) {
        if (value < before) {
            lost += before;
        }
        before = value;
    }
    return right < before ? lost + before : lost;
}

void extended_floats(const RollupInput& input,
                     const Window& window,
                     size_t step,
                     bool counter,
                     bool per_second,
                     Block& out,
                     size_t row) {
    const Columns& c = input.columns;
    const bool smoothed = input.extension == RangeExtension::kSmoothed;
    const auto found = edges(c.t, window.begin, window.end, window, smoothed);
    if (!found) {
        return;
    }
    auto [first, last] = *found;
    double left = c.v[first];
    if (smoothed && c.t[first] < window.start_t) {
        left = interpolate(
            c.t[first], c.v[first], c.t[first + 1], c.v[first + 1], window.start_t, counter);
    }
    double right = c.v[last];
    if (smoothed && last > window.begin && c.t[last] > window.end_t) {
        right =
            interpolate(c.t[last - 1], c.v[last - 1], c.t[last], c.v[last], window.end_t, counter);
    }
    double change = right - left;
    if (counter) {
        const size_t from = c.t[first] <= window.start_t ? first + 1 : first;
        const size_t to = c.t[last] >= window.end_t ? last : last + 1;
        const size_t count = to > from ? to - from : 0;
        change += lost_by_resets(left, right, {c.v.data() + from, count});
    }
    out.set(row, step, per_second ? change / (static_cast<double>(input.range_ms) / 1000) : change);
}

class ExtendedHistograms {
  public:
    ExtendedHistograms(const RollupInput& input, const Window& window, bool counter)
        : input_(input),
          window_(window),
          counter_(counter),
          smoothed_(input.extension == RangeExtension::kSmoothed),
          at_{input.metric, input.position(), input.annotations()} {}

    // The change over the window; nothing when there is none or the histograms do not mix.
    std::optional<HistogramSum> compute() {
        const auto found = edges(input_.columns.histogram_t,
                                 window_.histogram_begin,
                                 window_.histogram_end,
                                 window_,
                                 smoothed_);
        if (!found || !validate(*found)) {
            return std::nullopt;
        }
        const auto left = left_edge(*found);
        const auto right = right_edge(*found);
        if (!left || !right) {
            return std::nullopt;
        }
        if (!counter_ &&
            (left->hint != CounterResetHint::kGauge || right->hint != CounterResetHint::kGauge)) {
            at_.annotations.not_a_gauge(at_.metric, at_.position);
        }
        HistogramSum sum(*right);
        if (!note(sum.subtract(*left), HistogramOperation::kSubtraction)) {
            return std::nullopt;
        }
        if (counter_ && !add_resets(*found, *left, *right, sum)) {
            return std::nullopt;
        }
        sum.set_hint(CounterResetHint::kGauge);
        return sum;
    }

  private:
    [[nodiscard]] const FloatHistogram& at(size_t i) const { return *input_.columns.histogram[i]; }

    [[nodiscard]] int64_t time(size_t i) const { return input_.columns.histogram_t[i]; }

    bool validate(Edges edges) {
        const bool custom = histogram::uses_custom_buckets(at(edges.first));
        for (size_t i = edges.first; i <= edges.last; ++i) {
            if (histogram::uses_custom_buckets(at(i)) != custom) {
                at_.annotations.mixed_exponential_custom(at_.metric, at_.position);
                return false;
            }
            if (counter_ && at(i).hint == CounterResetHint::kGauge) {
                at_.annotations.not_a_counter(at_.metric, at_.position);
            }
        }
        return true;
    }

    std::optional<FloatHistogram> left_edge(Edges edges) {
        const size_t i = edges.first;
        if (smoothed_ && time(i) < window_.start_t) {
            return interpolate(
                time(i), at(i), time(i + 1), at(i + 1), window_.start_t, counter_, at_);
        }
        return at(i);
    }

    std::optional<FloatHistogram> right_edge(Edges edges) {
        const size_t i = edges.last;
        if (smoothed_ && i > window_.histogram_begin && time(i) > window_.end_t) {
            return interpolate(
                time(i - 1), at(i - 1), time(i), at(i), window_.end_t, counter_, at_);
        }
        return at(i);
    }

    bool add_resets(Edges edges,
                    const FloatHistogram& left,
                    const FloatHistogram& right,
                    HistogramSum& sum) {
        size_t from = edges.first + 1;
        const FloatHistogram* before = &left;
        if (smoothed_ && time(edges.first) < window_.start_t &&
            histogram::detect_reset(at(edges.first + 1), at(edges.first))) {
            // The left edge was interpolated over that reset already.
            before = &at(edges.first + 1);
            ++from;
        }
        if (from > edges.last) {
            return true;
        }
        const auto add_if_reset = [&](const FloatHistogram& now) {
            return !histogram::detect_reset(now, *before) ||
                   note(sum.add(*before), HistogramOperation::kAddition);
        };
        for (size_t i = from; i < edges.last; ++i) {
            if (!add_if_reset(at(i))) {
                return false;
            }
            before = &at(i);
        }
        return add_if_reset(right);
    }

    bool note(const histogram::Combined& combined, HistogramOperation operation) {
        if (combined.incompatible) {
            at_.annotations.mixed_exponential_custom(at_.metric, at_.position);
            return false;
        }
        if (combined.reconciled) {
            at_.annotations.custom_buckets_reconciled(operation, at_.position);
        }
        return true;
    }

    const RollupInput& input_;
    const Window& window_;
    bool counter_;
    bool smoothed_;
    Interpolation at_;
};

}  // namespace

base::Status extended_rate(
    const RollupInput& input, bool counter, bool per_second, Block& out, size_t row) {
    Pace pace(input.context);
    for (size_t step = 0; step < input.windows.size(); ++step) {
        const Window& window = input.windows[step];
        TRY(pace.touch(window.floats()));
        TRY(touch_histograms(pace, input, window));
        if (window.has_floats() && window.has_histograms()) {
            input.annotations().mixed_floats_histograms(input.metric, input.position());
        } else if (window.has_floats()) {
            extended_floats(input, window, step, counter, per_second, out, row);
        } else if (window.has_histograms()) {
            if (auto change = ExtendedHistograms(input, window, counter).compute()) {
                if (per_second) {
                    change->divide(static_cast<double>(input.range_ms) / 1000);
                }
                out.set(
                    row, step, HistogramPtr(std::make_shared<FloatHistogram>(change->result())));
            }
        }
    }
    return base::success();
}

}  // namespace query::exec

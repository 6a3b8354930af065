// irate and idelta: the last two samples of a window.
#include <array>

#include "query/exec/rollup.h"
#include "query/histogram/arithmetic.h"
#include "query/histogram/compare.h"

namespace query::exec {
namespace {

using model::CounterResetHint;
using model::FloatHistogram;

struct Sample {
    int64_t t = 0;
    int64_t st = 0;
    double v = 0;
    const FloatHistogram* histogram = nullptr;
};

// The last two of floats and histograms together, in time order.
std::array<Sample, 2> last_two(const Columns& columns, const Window& window) {
    std::array<Sample, 2> two;
    size_t floats = window.end;
    size_t histograms = window.histogram_end;
    for (size_t i = 2; i-- > 0;) {
        const bool float_left = floats > window.begin;
        const bool histogram_left = histograms > window.histogram_begin;
        if (float_left &&
            (!histogram_left || columns.t[floats - 1] > columns.histogram_t[histograms - 1])) {
            --floats;
            two[i] = {columns.t[floats], columns.start_time(floats), columns.v[floats], nullptr};
        } else {
            --histograms;
            two[i] = {columns.histogram_t[histograms],
                      columns.histogram_start_time(histograms),
                      0,
                      columns.histogram[histograms].get()};
        }
    }
    return two;
}

void histograms(const RollupInput& input,
                const Sample& before,
                const Sample& last,
                bool rate,
                bool restarted,
                size_t step,
                Block& out,
                size_t row) {
    const bool any_gauge = last.histogram->hint == CounterResetHint::kGauge ||
                           before.histogram->hint == CounterResetHint::kGauge;
    const bool both_gauges = last.histogram->hint == CounterResetHint::kGauge &&
                             before.histogram->hint == CounterResetHint::kGauge;
    if (rate && any_gauge) {
        input.annotations().not_a_counter(input.metric, input.position());
    }
    if (!rate && !both_gauges) {
        input.annotations().not_a_gauge(input.metric, input.position());
    }
    histogram::HistogramSum sum(*last.histogram);
    if (!rate || (!restarted && !histogram::detect_reset(*last.histogram, *before.histogram))) {
        const histogram::Combined combined = sum.subtract(*before.histogram);
        if (combined.incompatible) {
            input.annotations().mixed_exponential_custom(input.metric, input.position());
            return;
        }
        if (combined.reconciled) {
            input.annotations().custom_buckets_reconciled(HistogramOperation::kSubtraction,
                                                          input.position());
        }
    }
    sum.set_hint(CounterResetHint::kGauge);
    if (rate) {
        sum.divide(static_cast<double>(last.t - before.t) / 1000);
    }
    out.set(row, step, HistogramPtr(std::make_shared<FloatHistogram>(sum.result())));
}

base::Status last_two_kernel(const RollupInput& input, bool rate, Block& out, size_t row) {
    for (size_t step = 0; step < input.windows.size(); ++step) {
        const Window& window = input.windows[step];
        if (window.floats() + window.histograms() < 2) {
            continue;
        }
        const auto [before, last] = last_two(input.columns, window);
        if (before.t == last.t) {
            continue;
        }
        const bool restarted = rate && input.context.options.use_start_timestamps &&
                               start_time_reset(before.st, before.t, last.st, last.t);
        if ((before.histogram == nullptr) != (last.histogram == nullptr)) {
            input.annotations().mixed_floats_histograms(input.metric, input.position());
        } else if (last.histogram != nullptr) {
            histograms(input, before, last, rate, restarted, step, out, row);
        } else {
            const bool reset = rate && (last.v < before.v || restarted);
            const double change = reset ? last.v : last.v - before.v;
            out.set(row,
                    step,
                    rate ? change / (static_cast<double>(last.t - before.t) / 1000) : change);
        }
    }
    return base::success();
}

}  // namespace

base::Status irate_kernel(const RollupInput& input, Block& out, size_t row) {
    return last_two_kernel(input, true, out, row);
}

base::Status idelta_kernel(const RollupInput& input, Block& out, size_t row) {
    return last_two_kernel(input, false, out, row);
}

}  // namespace query::exec

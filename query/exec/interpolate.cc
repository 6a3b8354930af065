#include "query/exec/interpolate.h"

#include <algorithm>

#include "query/histogram/arithmetic.h"
#include "query/histogram/compare.h"

namespace query::exec {
namespace {

using model::CounterResetHint;
using model::FloatHistogram;

struct Span {
    size_t begin = 0;
    size_t end = 0;

    [[nodiscard]] bool empty() const { return begin == end; }
};

Span within(const std::vector<int64_t>& times, int64_t after, int64_t until) {
    const auto begin = std::ranges::upper_bound(times, after) - times.begin();
    const auto end = std::ranges::upper_bound(times, until) - times.begin();
    return {static_cast<size_t>(begin), static_cast<size_t>(std::max(begin, end))};
}

size_t first_not_before(const std::vector<int64_t>& times, Span span, int64_t t) {
    const auto begin = times.begin();
    return static_cast<size_t>(std::lower_bound(begin + static_cast<ptrdiff_t>(span.begin),
                                                begin + static_cast<ptrdiff_t>(span.end),
                                                t) -
                               begin);
}

void smooth_float(
    const Columns& columns, Span span, int64_t reference, Block& out, size_t row, size_t step) {
    const size_t i = first_not_before(columns.t, span, reference);
    if (i < span.end && columns.t[i] == reference) {
        out.set(row, step, columns.v[i]);
    } else if (i > span.begin && i < span.end) {
        out.set(
            row,
            step,
            interpolate(
                columns.t[i - 1], columns.v[i - 1], columns.t[i], columns.v[i], reference, false));
    } else if (i > span.begin) {
        out.set(row, step, columns.v[i - 1]);
    }
}

void smooth_histogram(const Columns& columns,
                      Span span,
                      int64_t reference,
                      const Interpolation& at,
                      Block& out,
                      size_t row,
                      size_t step) {
    const size_t i = first_not_before(columns.histogram_t, span, reference);
    if (i < span.end && columns.histogram_t[i] == reference) {
        out.set(row, step, columns.histogram[i]);
        return;
    }
    if (i == span.begin) {
        return;
    }
    const FloatHistogram& before = *columns.histogram[i - 1];
    if (i == span.end) {
        auto carried = std::make_shared<FloatHistogram>(before);
        carried->hint = CounterResetHint::kUnknown;
        out.set(row, step, HistogramPtr(std::move(carried)));
        return;
    }
    const FloatHistogram& after = *columns.histogram[i];
    if (histogram::uses_custom_buckets(before) != histogram::uses_custom_buckets(after)) {
        at.annotations.mixed_exponential_custom(at.metric, at.position);
        return;
    }
    const bool counter =
        before.hint != CounterResetHint::kGauge || after.hint != CounterResetHint::kGauge;
    if (auto value = interpolate(columns.histogram_t[i - 1],
                                 before,
                                 columns.histogram_t[i],
                                 after,
                                 reference,
                                 counter,
                                 at)) {
        out.set(row, step, HistogramPtr(std::make_shared<FloatHistogram>(std::move(*value))));
    }
}

}  // namespace

double interpolate(int64_t t1, double v1, int64_t t2, double v2, int64_t t, bool counter) {
    if (counter && v2 < v1) {
        v1 = 0;
    }
    return v1 + (v2 - v1) * static_cast<double>(t - t1) / static_cast<double>(t2 - t1);
}

std::optional<FloatHistogram> interpolate(int64_t t1,
                                          const FloatHistogram& h1,
                                          int64_t t2,
                                          const FloatHistogram& h2,
                                          int64_t t,
                                          bool counter,
                                          const Interpolation& at) {
    if (t == t1 || t == t2) {
        return t == t1 ? h1 : h2;
    }
    const double part = static_cast<double>(t - t1) / static_cast<double>(t2 - t1);
    if (counter && histogram::detect_reset(h2, h1)) {
        return histogram::scaled(h2, part);
    }
    histogram::HistogramSum sum(h2);
    const histogram::Combined subtracted = sum.subtract(h1);
    if (subtracted.incompatible) {
        at.annotations.mixed_exponential_custom(at.metric, at.position);
        return std::nullopt;
    }
    if (subtracted.reconciled) {
        at.annotations.custom_buckets_reconciled(HistogramOperation::kSubtraction, at.position);
    }
    sum.scale(part);
    if (sum.add(h1).reconciled) {
        at.annotations.custom_buckets_reconciled(HistogramOperation::kAddition, at.position);
    }
    return sum.result();
}

void smooth_at(const Columns& columns,
               int64_t reference,
               int64_t lookback,
               const Interpolation& at,
               Block& out,
               size_t row,
               size_t step) {
    const Span floats = within(columns.t, reference - lookback, reference + lookback);
    const Span histograms = within(columns.histogram_t, reference - lookback, reference + lookback);
    if (!floats.empty() && !histograms.empty()) {
        at.annotations.mixed_floats_histograms(at.metric, at.position);
    } else if (!histograms.empty()) {
        smooth_histogram(columns, histograms, reference, at, out, row, step);
    } else if (!floats.empty()) {
        smooth_float(columns, floats, reference, out, row, step);
    }
}

}  // namespace query::exec

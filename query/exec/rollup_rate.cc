// rate, increase and delta: the difference over a window, extrapolated to its edges.
// source: docs of Prometheus' rate(); the rules of extrapolation stand in extrapolation()
#include <algorithm>

#include "query/exec/rollup.h"
#include "query/histogram/arithmetic.h"
#include "query/histogram/compare.h"

namespace query::exec {
namespace {

using histogram::HistogramSum;
using model::CounterResetHint;
using model::FloatHistogram;

constexpr double kExtrapolationReach = 1.1;  // in average distances between samples

struct Mode {
    bool counter = false;
    bool per_second = false;
};

// What extrapolation needs to know of the samples in a window.
struct Sampled {
    int64_t first_t = 0;
    int64_t last_t = 0;
    size_t count = 0;
    double first = 0;   // value (or count of observations) of the first sample
    double change = 0;  // over the window
};

// The factor from the change between the samples to the change over the window.
double extrapolation(const Sampled& sampled, const Window& window, int64_t range_ms, Mode mode) {
    double to_start = static_cast<double>(sampled.first_t - window.start_t) / 1000;
    double to_end = static_cast<double>(window.end_t - sampled.last_t) / 1000;
    const double interval = static_cast<double>(sampled.last_t - sampled.first_t) / 1000;
    const double average = interval / static_cast<double>(sampled.count - 1);
    const double reach = average * kExtrapolationReach;
    if (to_start >= reach) {
        to_start = average / 2;
    }
    if (mode.counter && sampled.change > 0 && sampled.first >= 0) {
        // A counter does not go below zero, so its start is not further back than that.
        to_start = std::min(to_start, interval * (sampled.first / sampled.change));
    }
    if (to_end >= reach) {
        to_end = average / 2;
    }
    double factor = interval == 0 ? 1.0 : (interval + to_start + to_end) / interval;
    if (mode.per_second) {
        factor /= static_cast<double>(range_ms) / 1000;
    }
    return factor;
}

// The factor of extrapolation() where no counter's zero is near: it depends on times alone, which
// repeat from window to window when samples come at even distances.
class KnownFactor {
  public:
    KnownFactor(int64_t range_ms, Mode mode) : range_ms_(range_ms), mode_(mode) {}

    double operator()(const Sampled& sampled, const Window& window) {
        // A start is moved by at most 1.1 times the interval between the samples, and a counter's
        // zero lies twice as far back then.
        const bool zero_is_far =
            !mode_.counter || sampled.change <= 0 || sampled.first >= 2 * sampled.change;
        if (!zero_is_far) {
            return extrapolation(sampled, window, range_ms_, mode_);
        }
        const int64_t to_start = sampled.first_t - window.start_t;
        const int64_t to_end = window.end_t - sampled.last_t;
        const int64_t interval = sampled.last_t - sampled.first_t;
        if (to_start != to_start_ || to_end != to_end_ || interval != interval_ ||
            sampled.count != count_) {
            factor_ = extrapolation(sampled, window, range_ms_, mode_);
            to_start_ = to_start;
            to_end_ = to_end;
            interval_ = interval;
            count_ = sampled.count;
        }
        return factor_;
    }

  private:
    const int64_t range_ms_;
    const Mode mode_;
    int64_t to_start_ = -1;  // no window has it: windows begin before their samples
    int64_t to_end_ = 0;
    int64_t interval_ = 0;
    size_t count_ = 0;
    double factor_ = 0;
};

// The same when the series is known to have started, at zero, inside the window.
double extrapolation_from_start(int64_t start_t,
                                int64_t last_t,
                                size_t count,
                                int64_t first_t,
                                const Window& window,
                                int64_t range_ms,
                                Mode mode) {
    double to_end = static_cast<double>(window.end_t - last_t) / 1000;
    const double interval = static_cast<double>(last_t - start_t) / 1000;
    const double average =
        count > 1 ? static_cast<double>(last_t - first_t) / 1000 / static_cast<double>(count - 1)
                  : 0;
    if (to_end >= average * kExtrapolationReach) {
        to_end = average / 2;
    }
    double factor = interval == 0 ? 1.0 : (interval + to_end) / interval;
    if (mode.per_second) {
        factor /= static_cast<double>(range_ms) / 1000;
    }
    return factor;
}

bool starts_inside(int64_t start_t, const Window& window, int64_t first_t) {
    return start_t != 0 && start_t > window.start_t && start_t < first_t;
}

// Where a counter was reset: index of the first sample after each reset, ascending. Built once per
// series; windows then only look at the few resets inside them.
class Resets {
  public:
    Resets(const RollupInput& input, bool counter) {
        if (!counter) {
            return;
        }
        const Columns& columns = input.columns;
        const bool times = input.context.options.use_start_timestamps && !columns.st.empty();
        if (!times && !any_falls(columns.v)) {
            return;
        }
        for (size_t i = 1; i < columns.v.size(); ++i) {
            const bool fell = columns.v[i] < columns.v[i - 1];
            const bool restarted =
                times &&
                start_time_reset(columns.st[i - 1], columns.t[i - 1], columns.st[i], columns.t[i]);
            if (fell || restarted) {
                resets_.push_back(static_cast<uint32_t>(i));
            }
            if (times && start_time_overlap(columns.st[i - 1], columns.t[i - 1], columns.st[i])) {
                overlaps_.push_back(static_cast<uint32_t>(i));
            }
        }
    }

    // What the counter had lost by resets between the samples of a window, added to `change`.
    double correct(const Columns& columns, const Window& window, double change) {
        while (first_ < resets_.size() && resets_[first_] <= window.begin) {
            ++first_;
        }
        for (size_t i = first_; i < resets_.size() && resets_[i] < window.end; ++i) {
            change += columns.v[resets_[i] - 1];
        }
        return change;
    }

    [[nodiscard]] bool any() const { return !resets_.empty(); }

    [[nodiscard]] bool overlap(const Window& window) const {
        return std::ranges::any_of(overlaps_,
                                   [&](uint32_t i) { return i > window.begin && i < window.end; });
    }

  private:
    static bool any_falls(const std::vector<double>& values) {
        bool falls = false;  // asked at the end: that leaves a loop of vector instructions
        for (size_t i = 1; i < values.size(); ++i) {
            falls |= values[i] < values[i - 1];
        }
        return falls;
    }

    std::vector<uint32_t> resets_;
    std::vector<uint32_t> overlaps_;
    size_t first_ = 0;
};

void float_rate(const RollupInput& input,
                const Window& window,
                size_t step,
                Mode mode,
                Resets& resets,
                KnownFactor& known,
                Block& out,
                size_t row) {
    const Columns& columns = input.columns;
    const size_t last = window.end - 1;
    double change = columns.v[last] - columns.v[window.begin];
    if (mode.counter) {
        change = resets.correct(columns, window, change);
        if (resets.overlap(window)) {
            input.annotations().start_time_overlap(input.metric, input.position());
        }
    }
    const int64_t first_t = columns.t[window.begin];
    const int64_t start_t = mode.counter && input.context.options.use_start_timestamps
                                ? columns.start_time(window.begin)
                                : 0;
    double factor = 0;
    if (starts_inside(start_t, window, first_t)) {
        change += columns.v[window.begin];
        factor = extrapolation_from_start(
            start_t, columns.t[last], window.floats(), first_t, window, input.range_ms, mode);
    } else if (window.floats() < 2) {
        return;
    } else {
        const Sampled sampled{
            first_t, columns.t[last], window.floats(), columns.v[window.begin], change};
        factor = known(sampled, window);
    }
    out.set(row, step, change * factor);
}

// The change of histograms over a window, as a sum to go on with; nothing when they do not mix.
class HistogramChange {
  public:
    HistogramChange(const RollupInput& input, const Window& window, Mode mode)
        : input_(input), window_(window), mode_(mode) {}

    std::optional<HistogramSum> compute() {
        const FloatHistogram& last = at(window_.histogram_end - 1);
        if (mode_.counter && (at(window_.histogram_begin).hint == CounterResetHint::kGauge ||
                              last.hint == CounterResetHint::kGauge)) {
            not_counter();
        }
        base_ = &at(window_.histogram_begin);
        FloatHistogram empty;
        if (mode_.counter && reset_at(window_.histogram_begin + 1, *base_)) {
            // The first sample belongs to the time before the reset: it counts as nothing.
            const FloatHistogram& second = at(window_.histogram_begin + 1);
            empty.schema = second.schema;
            empty.custom_values = second.custom_values;
            base_ = &empty;
        }
        if (!same_kind(last)) {
            return std::nullopt;
        }
        HistogramSum sum(last);
        note(sum.subtract(*base_), HistogramOperation::kSubtraction);
        if (mode_.counter) {
            if (!add_resets(sum)) {
                return std::nullopt;
            }
        } else if (at(window_.histogram_begin).hint != CounterResetHint::kGauge ||
                   last.hint != CounterResetHint::kGauge) {
            input_.annotations().not_a_gauge(input_.metric, input_.position());
        }
        sum.set_hint(CounterResetHint::kGauge);
        return sum;
    }

  private:
    [[nodiscard]] const FloatHistogram& at(size_t i) const { return *input_.columns.histogram[i]; }

    void not_counter() { input_.annotations().not_a_counter(input_.metric, input_.position()); }

    bool reset_at(size_t i, const FloatHistogram& before) const {
        const Columns& columns = input_.columns;
        return (input_.context.options.use_start_timestamps &&
                start_time_reset(columns.histogram_start_time(i - 1),
                                 columns.histogram_t[i - 1],
                                 columns.histogram_start_time(i),
                                 columns.histogram_t[i])) ||
               histogram::detect_reset(at(i), before);
    }

    bool same_kind(const FloatHistogram& last) {
        const bool custom = histogram::uses_custom_buckets(*base_);
        bool same = histogram::uses_custom_buckets(last) == custom;
        for (size_t i = window_.histogram_begin + 1; same && i + 1 < window_.histogram_end; ++i) {
            if (!mode_.counter) {
                break;
            }
            if (at(i).hint == CounterResetHint::kGauge) {
                not_counter();
            }
            same = histogram::uses_custom_buckets(at(i)) == custom;
        }
        if (!same) {
            input_.annotations().mixed_exponential_custom(input_.metric, input_.position());
        }
        return same;
    }

    bool add_resets(HistogramSum& sum) {
        const Columns& columns = input_.columns;
        const FloatHistogram* before = base_;
        for (size_t i = window_.histogram_begin + 1; i < window_.histogram_end; ++i) {
            if (input_.context.options.use_start_timestamps &&
                start_time_overlap(columns.histogram_start_time(i - 1),
                                   columns.histogram_t[i - 1],
                                   columns.histogram_start_time(i))) {
                input_.annotations().start_time_overlap(input_.metric, input_.position());
            }
            if (reset_at(i, *before)) {
                const histogram::Combined combined = sum.add(*before);
                if (combined.incompatible) {
                    input_.annotations().mixed_exponential_custom(input_.metric, input_.position());
                    return false;
                }
                note(combined, HistogramOperation::kAddition);
            }
            before = &at(i);
        }
        return true;
    }

    void note(const histogram::Combined& combined, HistogramOperation operation) {
        if (combined.reconciled) {
            input_.annotations().custom_buckets_reconciled(operation, input_.position());
        }
    }

    const RollupInput& input_;
    const Window& window_;
    Mode mode_;
    const FloatHistogram* base_ = nullptr;
};

void histogram_rate(const RollupInput& input,
                    const Window& window,
                    size_t step,
                    Mode mode,
                    Block& out,
                    size_t row) {
    const Columns& columns = input.columns;
    const FloatHistogram& first = *columns.histogram[window.histogram_begin];
    const int64_t first_t = columns.histogram_t[window.histogram_begin];
    const int64_t last_t = columns.histogram_t[window.histogram_end - 1];
    std::optional<HistogramSum> change;
    if (window.histograms() > 1) {
        change = HistogramChange(input, window, mode).compute();
        if (!change) {
            return;
        }
    }
    const int64_t start_t = mode.counter && input.context.options.use_start_timestamps
                                ? columns.histogram_start_time(window.histogram_begin)
                                : 0;
    double factor = 0;
    if (starts_inside(start_t, window, first_t)) {
        if (!change) {
            change.emplace(first);
        } else if (change->add(first).incompatible) {
            input.annotations().mixed_exponential_custom(input.metric, input.position());
            return;
        }
        factor = extrapolation_from_start(
            start_t, last_t, window.histograms(), first_t, window, input.range_ms, mode);
    } else if (!change) {
        return;
    } else {
        const Sampled sampled{first_t, last_t, window.histograms(), first.count, change->count()};
        factor = extrapolation(sampled, window, input.range_ms, mode);
    }
    change->scale(factor);
    out.set(row, step, HistogramPtr(std::make_shared<FloatHistogram>(change->result())));
}

// The factors where no counter's zero is near, which depend on times alone.
std::span<const double> factors_of(const RollupInput& input, Mode mode) {
    std::vector<double>& factors = input.memo.factors;
    if (!factors.empty()) {
        return factors;
    }
    factors.reserve(input.windows.size());
    for (const Window& window : input.windows) {
        const std::vector<int64_t>& t = input.columns.t;
        const bool enough = window.floats() >= 2;
        const Sampled sampled{enough ? t[window.begin] : 0,
                              enough ? t[window.end - 1] : 0,
                              enough ? window.floats() : 2};
        factors.push_back(extrapolation(sampled, window, input.range_ms, {false, mode.per_second}));
    }
    return factors;
}

// A series of floats without start timestamps, which most are.
void plain_rates(const RollupInput& input, Mode mode, Block& out, size_t row) {
    const double* v = input.columns.v.data();
    const std::span<const double> factors = factors_of(input, mode);
    Resets resets(input, mode.counter);
    double* values = out.values(row);
    Bits present = out.present(row);
    bool all = true;
    for (size_t step = 0; step < input.windows.size(); ++step) {
        const Window& window = input.windows[step];
        if (window.floats() < 2) {
            all = false;
            continue;
        }
        const double first = v[window.begin];
        double change = v[window.end - 1] - first;
        if (resets.any()) {
            change = resets.correct(input.columns, window, change);
        }
        double factor = factors[step];
        if (mode.counter && change > 0 && first < 2 * change) {
            // The counter's zero may be nearer than where the window begins.
            const std::vector<int64_t>& t = input.columns.t;
            const Sampled sampled{
                t[window.begin], t[window.end - 1], window.floats(), first, change};
            factor = extrapolation(sampled, window, input.range_ms, mode);
        }
        values[step] = change * factor;
    }
    if (all) {
        present.fill();
        return;
    }
    for (size_t step = 0; step < input.windows.size(); ++step) {
        if (input.windows[step].floats() >= 2) {
            present.set(step);
        }
    }
}

base::Status extrapolated(const RollupInput& input, Mode mode, Block& out, size_t row) {
    if (input.extension != RangeExtension::kNone) {
        return extended_rate(input, mode.counter, mode.per_second, out, row);
    }
    if (input.columns.histogram_t.empty() && input.columns.st.empty()) {
        plain_rates(input, mode, out, row);
        return base::success();
    }
    Resets resets(input, mode.counter);
    KnownFactor known(input.range_ms, mode);
    Pace pace(input.context);
    for (size_t step = 0; step < input.windows.size(); ++step) {
        const Window& window = input.windows[step];
        TRY(touch_histograms(pace, input, window));
        if (window.has_floats() && window.has_histograms()) {
            input.annotations().mixed_floats_histograms(input.metric, input.position());
        } else if (window.has_floats()) {
            float_rate(input, window, step, mode, resets, known, out, row);
        } else if (window.has_histograms()) {
            histogram_rate(input, window, step, mode, out, row);
        }
    }
    return base::success();
}

}  // namespace

bool start_time_reset(int64_t st_before, int64_t t_before, int64_t st, int64_t t) {
    if (st == 0 || st >= t || st < t_before) {
        return false;
    }
    if (st > t_before) {
        return true;
    }
    return st_before <= t_before && st_before != 0 && st_before != t_before;
}

bool start_time_overlap(int64_t st_before, int64_t t_before, int64_t st) {
    return st != 0 && st < t_before && st != st_before;
}

base::Status rate_kernel(const RollupInput& input, Block& out, size_t row) {
    return extrapolated(input, {true, true}, out, row);
}

base::Status increase_kernel(const RollupInput& input, Block& out, size_t row) {
    return extrapolated(input, {true, false}, out, row);
}

base::Status delta_kernel(const RollupInput& input, Block& out, size_t row) {
    return extrapolated(input, {false, false}, out, row);
}

}  // namespace query::exec

// changes and resets: how often something happened between neighbours in a window.
#include <cmath>
#include <optional>

#include "query/exec/rollup.h"
#include "query/histogram/compare.h"

namespace query::exec {
namespace {

using model::FloatHistogram;

struct Sample {
    int64_t t = 0;
    int64_t st = 0;
    double v = 0;
    const FloatHistogram* histogram = nullptr;
};

// Where counting begins: with an anchored range, at the last sample at or before its start.
struct Begin {
    size_t floats = 0;
    size_t histograms = 0;
};

std::optional<Begin> begin_of(const RollupInput& input, const Window& window) {
    const Columns& columns = input.columns;
    Begin begin{window.begin, window.histogram_begin};
    if (input.extension != RangeExtension::kAnchored) {
        return begin;
    }
    while (begin.floats < window.end && columns.t[begin.floats] <= window.start_t) {
        ++begin.floats;
    }
    while (begin.histograms < window.histogram_end &&
           columns.histogram_t[begin.histograms] <= window.start_t) {
        ++begin.histograms;
    }
    if (begin.floats == window.end && begin.histograms == window.histogram_end) {
        return std::nullopt;
    }
    const bool float_before = begin.floats > window.begin;
    const bool histogram_before = begin.histograms > window.histogram_begin;
    if (float_before && (!histogram_before || columns.t[begin.floats - 1] >=
                                                  columns.histogram_t[begin.histograms - 1])) {
        --begin.floats;
    } else if (histogram_before) {
        --begin.histograms;
    }
    return begin;
}

// Counts the neighbours, floats and histograms merged by time, for which counts(before, now) holds.
template <class Counts>
void count_neighbours(const RollupInput& input, Block& out, size_t row, Counts&& counts) {
    const Columns& columns = input.columns;
    for (size_t step = 0; step < input.windows.size(); ++step) {
        const Window& window = input.windows[step];
        if (!window.has_floats() && !window.has_histograms()) {
            continue;
        }
        const auto begin = begin_of(input, window);
        if (!begin) {
            continue;
        }
        auto [f, h] = *begin;
        size_t count = 0;
        bool first = true;
        Sample before;
        while (f < window.end || h < window.histogram_end) {
            Sample now;
            if (h == window.histogram_end ||
                (f < window.end && columns.t[f] < columns.histogram_t[h])) {
                now = {columns.t[f], columns.start_time(f), columns.v[f], nullptr};
                ++f;
            } else {
                now = {columns.histogram_t[h],
                       columns.histogram_start_time(h),
                       0,
                       columns.histogram[h].get()};
                ++h;
            }
            count += !first && counts(before, now) ? 1 : 0;
            before = now;
            first = false;
        }
        out.set(row, step, static_cast<double>(count));
    }
}

// Floats only, without start times: a running count per sample makes every window one subtraction.
template <class Counts>
void count_floats(const RollupInput& input, Block& out, size_t row, Counts&& counts) {
    const std::vector<double>& v = input.columns.v;
    std::vector<uint32_t> until(v.size());  // neighbours counted up to and including each sample
    for (size_t i = 1; i < v.size(); ++i) {
        until[i] = until[i - 1] + (counts(v[i - 1], v[i]) ? 1 : 0);
    }
    for (size_t step = 0; step < input.windows.size(); ++step) {
        const Window& window = input.windows[step];
        if (window.has_floats()) {
            out.set(row, step, until[window.end - 1] - until[window.begin]);
        }
    }
}

bool plain(const RollupInput& input) {
    return input.columns.histogram_t.empty() && input.columns.st.empty() &&
           input.extension == RangeExtension::kNone;
}

bool changed(double before, double now) {
    return now != before && !(std::isnan(now) && std::isnan(before));
}

}  // namespace

base::Status changes_kernel(const RollupInput& input, Block& out, size_t row) {
    if (plain(input)) {
        count_floats(input, out, row, changed);
        return base::success();
    }
    count_neighbours(input, out, row, [](const Sample& before, const Sample& now) {
        if (before.histogram == nullptr && now.histogram == nullptr) {
            return changed(before.v, now.v);
        }
        if (before.histogram == nullptr || now.histogram == nullptr) {
            return true;
        }
        return !histogram::equal(*now.histogram, *before.histogram);
    });
    return base::success();
}

base::Status resets_kernel(const RollupInput& input, Block& out, size_t row) {
    if (plain(input)) {
        count_floats(input, out, row, [](double before, double now) { return now < before; });
        return base::success();
    }
    const bool times = input.context.options.use_start_timestamps;
    count_neighbours(input, out, row, [&](const Sample& before, const Sample& now) {
        if ((before.histogram == nullptr) != (now.histogram == nullptr)) {
            return true;
        }
        if (times && start_time_reset(before.st, before.t, now.st, now.t)) {
            return true;
        }
        return now.histogram == nullptr
                   ? now.v < before.v
                   : histogram::detect_reset(*now.histogram, *before.histogram);
    });
    return base::success();
}

}  // namespace query::exec

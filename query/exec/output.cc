#include "query/exec/output.h"

#include <algorithm>
#include <span>
#include <vector>

#include "query/exec/interpolate.h"
#include "query/exec/pieces.h"
#include "query/exec/rollup.h"
#include "query/exec/row_merger.h"

namespace query::exec {
namespace {

using base::Result;

// Floats on their way to an answer. Its memory serves one series after the other.
struct Floats {
    void clear() {
        t.clear();
        v.clear();
    }

    void add(int64_t time, double value) {
        t.push_back(time);
        v.push_back(value);
    }

    std::vector<int64_t> t;
    std::vector<double> v;
};

// Reserves what the points will take, and then copies them.
base::Status set_floats(std::span<const int64_t> times,
                        std::span<const double> values,
                        Output& output,
                        FloatPoints& out) {
    FloatPoints::Layout layout;
    TRY(in_pieces(output.context, times.size(), [&](size_t begin, size_t end) {
        layout.look(times.subspan(begin, end - begin), values.subspan(begin, end - begin));
    }));
    TRY(output.memory.grow(static_cast<int64_t>(layout.bytes())));
    out = FloatPoints(layout);
    return in_pieces(output.context, times.size(), [&](size_t begin, size_t end) {
        out.append(times.subspan(begin, end - begin), values.subspan(begin, end - begin));
    });
}

// grid_times  those of all steps
base::Status set_points(const Block& block,
                        size_t r,
                        std::span<const int64_t> grid_times,
                        Output& output,
                        Floats& scratch,
                        MatrixSeries& out) {
    scratch.clear();
    const double* values = block.values(r);
    if (!block.has_histograms() && block.present(r).count() == grid_times.size()) {
        return set_floats(grid_times, {values, grid_times.size()}, output, out.floats);
    }
    block.present(r).for_each([&](size_t step) {
        if (const HistogramPtr& histogram = block.histogram(r, step)) {
            out.histograms.push_back({output.grid.at(step), histogram});
        } else {
            scratch.add(output.grid.at(step), values[step]);
        }
    });
    return set_floats(scratch.t, scratch.v, output, out.floats);
}

base::Status set_window(const Columns& columns,
                        const Window& window,
                        Output& output,
                        MatrixSeries& out) {
    for (size_t i = window.histogram_begin; i < window.histogram_end; ++i) {
        out.histograms.push_back({columns.histogram_t[i], columns.histogram[i]});
    }
    return set_floats(std::span(columns.t).subspan(window.begin, window.floats()),
                      std::span(columns.v).subspan(window.begin, window.floats()),
                      output,
                      out.floats);
}

// The floats of an anchored or smoothed window: a sample at each edge, and those between.
void append_extended(const Columns& columns, const Window& window, bool smoothed, Floats& out) {
    if (!window.has_floats()) {
        return;
    }
    size_t first = window.begin;
    size_t last = window.end - 1;
    while (first < last && columns.t[first + 1] <= window.start_t) {
        ++first;
    }
    if (smoothed) {
        last = first;
        while (last + 1 < window.end && columns.t[last] < window.end_t) {
            ++last;
        }
    }
    if (columns.t[last] <= window.start_t) {
        return;
    }
    const auto between = [&](size_t a, size_t b, int64_t t) {
        return interpolate(columns.t[a], columns.v[a], columns.t[b], columns.v[b], t, false);
    };
    const bool left_inside = columns.t[first] >= window.start_t;
    const bool right_outside = columns.t[last] > window.end_t;
    const double left =
        smoothed && !left_inside ? between(first, first + 1, window.start_t) : columns.v[first];
    const double right = smoothed && last > window.begin && right_outside
                             ? between(last - 1, last, window.end_t)
                             : columns.v[last];
    out.add(window.start_t, left);
    for (size_t i = first; i <= last; ++i) {
        if (columns.t[i] > window.start_t && columns.t[i] < window.end_t) {
            out.add(columns.t[i], columns.v[i]);
        }
    }
    out.add(window.end_t, right);
}

base::Status check_duplicates(ExecContext& context, const MatrixValue& matrix) {
    std::vector<const AnswerLabels*> labels;
    labels.reserve(matrix.size());
    for (const MatrixSeries& series : matrix) {
        labels.push_back(&series.labels);
    }
    TRY(sort_in_pieces(context, labels, [](const auto* a, const auto* b) { return *a < *b; }));
    const auto same = [](const auto* a, const auto* b) { return *a == *b; };
    if (std::ranges::adjacent_find(labels, same) != labels.end()) {
        return base::fail(base::Code::kExecution, kDuplicateLabels);
    }
    return base::success();
}

// Reserves an element with its labels, before they become text: a label of many bytes is one string
// in the query, but one for each series in its answer.
base::Status reserve(LabelSet labels, size_t element_bytes, Output& output) {
    const size_t bytes = element_bytes + output.context.labels.text_bytes(labels);
    return output.memory.grow(static_cast<int64_t>(bytes));
}

// What its histograms take, each counted once.
int64_t histogram_bytes(const MatrixSeries& series) {
    int64_t bytes = static_cast<int64_t>(series.histograms.size() * sizeof(HistogramPoint));
    const HistogramPtr* before = nullptr;
    for (const HistogramPoint& point : series.histograms) {
        bytes += before != nullptr && *before == point.histogram ? 0 : bytes_of(*point.histogram);
        before = &point.histogram;
    }
    return bytes;
}

base::Status add_sample(Block& block, size_t r, Output& output, VectorValue& out) {
    const LabelSet labels = block.row(r).labels;
    const HistogramPtr& histogram = block.histogram(r, 0);
    const auto shape = static_cast<size_t>(histogram ? bytes_of(*histogram) : 0);
    // Twice: a vector that grows has room for as many again.
    TRY(reserve(labels, 2 * sizeof(VectorSample) + shape, output));
    out.push_back({output.context.labels.to_labels(labels),
                   output.grid.start,
                   block.values(r)[0],
                   block.histogram(r, 0)});
    return base::success();
}

// Of a series nothing becomes text before it is sent.
base::Status add_series(const Block& block,
                        size_t r,
                        std::span<const int64_t> grid_times,
                        Output& output,
                        Floats& scratch,
                        MatrixValue& out) {
    TRY(output.memory.grow(2 * sizeof(MatrixSeries)));
    MatrixSeries& series = out.emplace_back();
    series.labels = {output.context.label_table, block.row(r).labels};
    TRY(set_points(block, r, grid_times, output, scratch, series));
    return output.memory.grow(histogram_bytes(series));
}

// The next rows, and whether there were any. Their samples are held.
Result<bool> next_rows(Operator& rows, Output& output, Block& block) {
    TRY(output.context.check());
    TRY(const bool more, rows.next(block));
    if (more) {
        TRY(output.held.add(static_cast<int64_t>(block.samples())));
    }
    return more;
}

}  // namespace

Result<Value> collect_scalar(Operator& rows, Output& output) {
    TRY(const auto values, read_scalar(rows, output.context, 1));
    return Value(ScalarValue{output.grid.start, values[0]});
}

Result<Value> collect_vector(Operator& rows, Output& output) {
    VectorValue out;
    Block block;
    while (true) {
        TRY(const bool more, next_rows(rows, output, block));
        if (!more) {
            return Value(std::move(out));
        }
        for (size_t r = 0; r < block.rows(); ++r) {
            if (block.present(r).get(0)) {
                TRY(add_sample(block, r, output, out));
            }
        }
    }
}

Result<Value> collect_matrix(Operator& rows, Output& output) {
    MatrixValue out;
    std::vector<int64_t> grid_times(output.grid.count);
    for (size_t step = 0; step < grid_times.size(); ++step) {
        grid_times[step] = output.grid.at(step);
    }
    Floats scratch;
    Block block;
    while (true) {
        TRY(const bool more, next_rows(rows, output, block));
        if (!more) {
            return Value(std::move(out));
        }
        for (size_t r = 0; r < block.rows(); ++r) {
            if (block.present(r).any()) {
                TRY(add_series(block, r, grid_times, output, scratch, out));
            }
        }
    }
}

Result<Value> collect_ranges(const plan::Node& range, SeriesSource& source, Output& output) {
    ExecContext& context = output.context;
    MatrixValue out;
    Floats scratch;
    std::vector<Window> windows;
    const auto extension = range.select ? range.select->extension : RangeExtension::kNone;
    QueriedSamples queried(range, context.samples);
    SeriesSamples series;
    while (true) {
        TRY(const bool more, source.next(series));
        if (!more) {
            TRY(check_duplicates(context, out));
            return Value(std::move(out));
        }
        slide_windows(range, context.options.lookback_ms, *series.columns, windows);
        MatrixSeries points;
        if (extension == RangeExtension::kNone) {
            TRY(set_window(*series.columns, windows[0], output, points));
        } else {
            scratch.clear();
            append_extended(
                *series.columns, windows[0], extension == RangeExtension::kSmoothed, scratch);
            TRY(set_floats(scratch.t, scratch.v, output, points.floats));
        }
        const size_t count = points.floats.size() + points.histograms.size();
        if (count == 0) {
            continue;
        }
        queried.add(0, static_cast<int64_t>(count), static_cast<int64_t>(count));
        TRY(output.held.add(static_cast<int64_t>(count)));
        LabelSet labels = series.labels.labels;
        if (series.labels.drop_name) {
            labels = context.labels.without_metadata(labels);
        }
        TRY(output.memory.grow(2 * sizeof(MatrixSeries) + histogram_bytes(points)));
        points.labels = {context.label_table, labels};
        out.push_back(std::move(points));
    }
}

}  // namespace query::exec

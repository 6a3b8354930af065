#include "query/exec/rollup.h"

#include <algorithm>
#include <string>

#include "query/exec/series_rows.h"

namespace query::exec {
namespace {

using base::Code;

bool is_rate_like(FunctionId id) {
    return id == FunctionId::kRate || id == FunctionId::kIncrease;
}

bool keeps_name(FunctionId id) {
    return id == FunctionId::kLastOverTime || id == FunctionId::kFirstOverTime;
}

// Whether it answers histograms with new ones.
bool makes_histograms(FunctionId id) {
    switch (id) {
        case FunctionId::kRate:
        case FunctionId::kIncrease:
        case FunctionId::kDelta:
        case FunctionId::kIrate:
        case FunctionId::kIdelta:
        case FunctionId::kSumOverTime:
        case FunctionId::kAvgOverTime:
            return true;
        default:
            return false;
    }
}

base::Status check_extension(RangeExtension extension, const Call& call) {
    const FunctionId id = call.function->id;
    const bool rates =
        id == FunctionId::kRate || id == FunctionId::kIncrease || id == FunctionId::kDelta;
    const bool counts = id == FunctionId::kResets || id == FunctionId::kChanges;
    if (extension == RangeExtension::kAnchored && !rates && !counts) {
        return base::fail(Code::kExecution,
                          "anchored modifier can only be used with: changes, delta, increase, "
                          "rate, resets - not with",
                          call.function->name);
    }
    if (extension == RangeExtension::kSmoothed && !rates) {
        return base::fail(
            Code::kExecution,
            "smoothed modifier can only be used with: delta, increase, rate - not with",
            call.function->name);
    }
    return base::success();
}

bool counter_suffix(std::string_view metric) {
    for (const std::string_view suffix : {"_total", "_sum", "_count", "_bucket"}) {
        if (metric.ends_with(suffix)) {
            return true;
        }
    }
    return false;
}

// What becomes of a series: its row.
class RollupRows final : public RowMaker {
  public:
    RollupRows(const plan::Node& node, std::vector<OperatorPtr> scalars, ExecContext& context)
        : node_(node),
          range_(*node.inputs[node.source]),
          call_(as<Call>(*node.expr)),
          kernel_(rollup_kernel(call_.function->id)),
          scalar_inputs_(std::move(scalars)),
          context_(context) {}

    base::Status start() override {
        if (range_.select) {
            TRY(check_extension(range_.select->extension, call_));
        }
        for (const OperatorPtr& input : scalar_inputs_) {
            TRY(auto values, read_scalar(*input, context_, node_.grid.count));
            scalars_.push_back(std::move(values));
        }
        return base::success();
    }

    [[nodiscard]] bool drops_name() const override { return !keeps_name(call_.function->id); }

    base::Status make(const Columns& columns,
                      std::string_view metric,
                      RowContext& context,
                      RowScratch& scratch,
                      Block& out,
                      size_t row) const override {
        WindowMemo& memo = scratch.windows;
        remember_windows(range_, context.options.lookback_ms, columns, memo);
        count_queried(memo, context.samples);
        const RollupInput input{node_,
                                call_,
                                columns,
                                memo.windows,
                                memo,
                                range_.select ? range_.select->range_ms : range_.window->range_ms,
                                range_.select ? range_.select->extension : RangeExtension::kNone,
                                metric,
                                scalars_,
                                context};
        // A row of histograms may be as large as a query may be. Rows of floats ask for nothing:
        // all threads would write to the budgets.
        base::Reservation made(context_.budget);
        if (const int64_t bytes = histograms_made(columns, memo); bytes > 0) {
            TRY(made.grow(bytes));
        }
        TRY(kernel_(input, out, row));
        annotate(input, out, row);
        return base::success();
    }

  private:
    // At most so many bytes, when every window with histograms makes one.
    [[nodiscard]] int64_t histograms_made(const Columns& columns, const WindowMemo& memo) const {
        if (columns.histogram_t.empty() || !makes_histograms(call_.function->id)) {
            return 0;
        }
        int64_t largest = 0;
        for (const HistogramPtr& histogram : columns.histogram) {
            largest = std::max(largest, bytes_of(*histogram));
        }
        return largest * std::ranges::count_if(memo.windows, [](const Window& window) {
                   return window.histograms() > 0;
               });
    }

    void count_queried(const WindowMemo& memo, SampleMeter& samples) const {
        QueriedSamples queried(node_, samples);
        if (!samples.counts_steps()) {
            queried.add(0, static_cast<int64_t>(memo.points), 0);
            return;
        }
        Window before;
        for (size_t step = 0; step < memo.windows.size(); ++step) {
            const Window& window = memo.windows[step];
            queried.add(step,
                        static_cast<int64_t>(window.floats() + window.histograms()),
                        first_seen(window, before));
            before = window;
        }
    }

    // The samples of a window that are in none before it.
    [[nodiscard]] static int64_t first_seen(const Window& window, const Window& before) {
        const auto behind = [](uint32_t begin, uint32_t end, uint32_t seen) {
            return int64_t{end} - std::min(std::max(begin, seen), end);
        };
        return behind(window.begin, window.end, before.end) +
               behind(window.histogram_begin, window.histogram_end, before.histogram_end);
    }

    // A rate of something that is not named like a counter deserves a hint.
    void annotate(const RollupInput& input, const Block& out, size_t row) const {
        if (!is_rate_like(call_.function->id) || input.metric.empty() ||
            counter_suffix(input.metric)) {
            return;
        }
        bool any_float = false;
        out.present(row).for_each(
            [&](size_t step) { any_float |= out.histogram(row, step) == nullptr; });
        if (any_float) {
            input.annotations().maybe_not_counter(input.metric, input.position());
        }
    }

    const plan::Node& node_;
    const plan::Node& range_;
    const Call& call_;
    RollupKernel kernel_;
    std::vector<OperatorPtr> scalar_inputs_;
    ExecContext& context_;
    std::vector<std::vector<double>> scalars_;
};

// The rows of any source's series, one after the other.
class RollupOperator final : public Operator {
  public:
    RollupOperator(const plan::Node& node,
                   std::unique_ptr<SeriesSource> source,
                   std::vector<OperatorPtr> scalars,
                   ExecContext& context)
        : node_(node),
          rows_(node, std::move(scalars), context),
          source_(std::move(source)),
          context_(context) {}

    base::Result<bool> next(Block& out) override {
        if (!started_) {
            started_ = true;
            TRY(rows_.start());
        }
        const size_t rows = rows_per_block(node_.grid.count);
        TRY(out.reset(context_.budget, rows, node_.grid.count));
        SeriesSamples series;
        while (out.rows() < rows) {
            TRY(const bool more, source_->next(series));
            if (!more) {
                break;
            }
            TRY(add(series, out));
        }
        TRY(out.account(context_.budget));
        return !out.empty();
    }

  private:
    base::Status add(const SeriesSamples& series, Block& out) {
        const std::string_view metric = context_.labels.metric_name(series.labels.labels);
        RowLabels labels = series.labels;
        if (rows_.drops_name()) {
            context_.drop_name(labels);
        }
        const size_t row = out.add_row(labels);
        TRY(rows_.make(*series.columns, metric, context_, scratch_, out, row));
        if (!out.present(row).any()) {
            out.drop_last_row();
        } else if (out.has_histograms()) {
            TRY(out.account(context_.budget));
        }
        return base::success();
    }

    const plan::Node& node_;
    RollupRows rows_;
    std::unique_ptr<SeriesSource> source_;
    ExecContext& context_;
    bool started_ = false;
    RowScratch scratch_;
};

// Moves [begin, end) over ascending times to the samples in (after, until].
void advance(const std::vector<int64_t>& times,
             int64_t after,
             int64_t until,
             uint32_t& begin,
             uint32_t& end) {
    const auto size = static_cast<uint32_t>(times.size());
    while (end < size && times[end] <= until) {
        ++end;
    }
    while (begin < end && times[begin] <= after) {
        ++begin;
    }
}

}  // namespace

void slide_windows(const plan::Node& range,
                   int64_t lookback_ms,
                   const Columns& columns,
                   std::vector<Window>& windows) {
    const auto extension = range.select ? range.select->extension : RangeExtension::kNone;
    const int64_t range_ms = range.select ? range.select->range_ms : range.window->range_ms;
    const int64_t before = extension == RangeExtension::kNone ? 0 : lookback_ms;
    const int64_t beyond = extension == RangeExtension::kSmoothed ? lookback_ms : 0;
    windows.resize(range.grid.count);
    Window at;
    for (size_t step = 0; step < range.grid.count; ++step) {
        const int64_t t = range.grid.at(step);
        at.end_t = range.select ? range.select->reference(t) : range.window->reference(t);
        at.start_t = at.end_t - range_ms;
        const int64_t after = at.start_t - before;
        const int64_t until = at.end_t + beyond;
        advance(columns.t, after, until, at.begin, at.end);
        if (!columns.histogram_t.empty()) {
            advance(columns.histogram_t, after, until, at.histogram_begin, at.histogram_end);
        }
        windows[step] = at;
    }
}

void remember_windows(const plan::Node& range,
                      int64_t lookback_ms,
                      const Columns& columns,
                      WindowMemo& memo) {
    const bool floats_only = columns.histogram_t.empty();
    if (floats_only && memo.known && memo.times == columns.t) {
        return;
    }
    slide_windows(range, lookback_ms, columns, memo.windows);
    memo.points = 0;
    for (const Window& window : memo.windows) {
        memo.points += window.floats() + window.histograms();
    }
    memo.factors.clear();
    memo.time_sums.clear();
    memo.seconds.clear();
    memo.times = columns.t;
    memo.known = floats_only;
}

base::Status touch_histograms(Pace& pace, const RollupInput& input, const Window& window) {
    if (!window.has_histograms()) {
        return base::success();
    }
    const HistogramPtr& last = input.columns.histogram[window.histogram_end - 1];
    return pace.touch_histograms(window.histograms() * sample_weight(*last));
}

OperatorPtr make_rollup(const plan::Node& node,
                        std::unique_ptr<SeriesSource> source,
                        std::vector<OperatorPtr> scalars,
                        ExecContext& context) {
    return std::make_unique<RollupOperator>(node, std::move(source), std::move(scalars), context);
}

OperatorPtr make_rollup(const plan::Node& node,
                        model::Querier& querier,
                        std::vector<OperatorPtr> scalars,
                        ExecContext& context,
                        LabelNames labels) {
    auto maker = std::make_unique<RollupRows>(node, std::move(scalars), context);
    const plan::Select& select = *node.inputs[node.source]->select;
    return make_series_rows(
        {node, select, /*drop_stale=*/true, querier, std::move(maker), context, labels});
}

RollupKernel rollup_kernel(FunctionId id) {
    switch (id) {
        case FunctionId::kRate:
            return rate_kernel;
        case FunctionId::kIncrease:
            return increase_kernel;
        case FunctionId::kDelta:
            return delta_kernel;
        case FunctionId::kIrate:
            return irate_kernel;
        case FunctionId::kIdelta:
            return idelta_kernel;
        case FunctionId::kChanges:
            return changes_kernel;
        case FunctionId::kResets:
            return resets_kernel;
        case FunctionId::kDeriv:
            return deriv_kernel;
        case FunctionId::kPredictLinear:
            return predict_linear_kernel;
        case FunctionId::kDoubleExponentialSmoothing:
            return smoothing_kernel;
        default:
            return over_time_kernel(id);
    }
}

}  // namespace query::exec

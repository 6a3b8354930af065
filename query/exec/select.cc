#include "query/exec/select.h"

#include "model/sample.h"
#include "query/exec/interpolate.h"

namespace query::exec {
namespace {

using plan::SelectValue;

class SelectOperator final : public Operator {
  public:
    SelectOperator(const plan::Node& node, model::Querier& querier, ExecContext& context)
        : node_(node),
          select_(*node.select),
          context_(context),
          queried_(node, context.samples),
          reader_(querier,
                  select_,
                  /*drop_stale=*/select_.extension == RangeExtension::kSmoothed,
                  context) {}

    base::Result<bool> next(Block& out) override {
        const size_t rows = rows_per_block(node_.grid.count);
        TRY(out.reset(context_.budget, rows, node_.grid.count));
        SeriesSamples series;
        while (out.rows() < rows) {
            TRY(const bool more, reader_.next(series));
            if (!more) {
                break;
            }
            if (select_.value == SelectValue::kTimestamp ||
                select_.value == SelectValue::kStartTimestamp) {
                context_.drop_name(series.labels);
            }
            const size_t row = out.add_row(series.labels);
            fill(series, out, row);
            queried_.add(out.present(row));
            if (!out.present(row).any()) {
                out.drop_last_row();
            }
        }
        TRY(out.account(context_.budget));
        return !out.empty();
    }

  private:
    void fill(const SeriesSamples& series, Block& out, size_t row) {
        if (select_.extension == RangeExtension::kSmoothed) {
            smooth(series, out, row);
        } else if (series.columns->histogram_t.empty() && select_.value == SelectValue::kSample) {
            latest_floats(*series.columns, out, row);
        } else {
            latest(*series.columns, out, row);
        }
    }

    // One pass: the index of the latest sample only moves forward.
    void latest_floats(const Columns& columns, Block& out, size_t row) {
        const Grid& grid = node_.grid;
        const int64_t lookback = context_.options.lookback_ms;
        double* values = out.values(row);
        Bits present = out.present(row);
        size_t after = 0;  // samples at or before the reference time
        for (size_t step = 0; step < grid.count; ++step) {
            const int64_t reference = select_.reference(grid.at(step));
            while (after < columns.t.size() && columns.t[after] <= reference) {
                ++after;
            }
            if (after == 0 || columns.t[after - 1] <= reference - lookback ||
                model::is_stale(columns.v[after - 1])) {
                continue;
            }
            values[step] = columns.v[after - 1];
            present.set(step);
        }
    }

    void latest(const Columns& columns, Block& out, size_t row) {
        const Grid& grid = node_.grid;
        size_t floats = 0;
        size_t histograms = 0;
        for (size_t step = 0; step < grid.count; ++step) {
            const int64_t reference = select_.reference(grid.at(step));
            while (floats < columns.t.size() && columns.t[floats] <= reference) {
                ++floats;
            }
            while (histograms < columns.histogram_t.size() &&
                   columns.histogram_t[histograms] <= reference) {
                ++histograms;
            }
            if (floats == 0 && histograms == 0) {
                continue;
            }
            const bool is_float =
                histograms == 0 ||
                (floats > 0 && columns.t[floats - 1] > columns.histogram_t[histograms - 1]);
            const int64_t t =
                is_float ? columns.t[floats - 1] : columns.histogram_t[histograms - 1];
            const bool stale = is_float ? model::is_stale(columns.v[floats - 1])
                                        : model::is_stale(columns.histogram[histograms - 1]->sum);
            if (t <= reference - context_.options.lookback_ms || stale) {
                continue;
            }
            put(columns, out, row, step, is_float, is_float ? floats - 1 : histograms - 1);
        }
    }

    void put(const Columns& columns, Block& out, size_t row, size_t step, bool is_float, size_t i) {
        switch (select_.value) {
            case SelectValue::kSample:
                if (is_float) {
                    out.set(row, step, columns.v[i]);
                } else {
                    out.set(row, step, columns.histogram[i]);
                }
                return;
            case SelectValue::kTimestamp:
            case SelectValue::kSampleTime:
                out.set(
                    row,
                    step,
                    static_cast<double>(is_float ? columns.t[i] : columns.histogram_t[i]) / 1000);
                return;
            case SelectValue::kStartTimestamp:
                if (context_.options.use_start_timestamps) {
                    out.set(row,
                            step,
                            static_cast<double>(is_float ? columns.start_time(i)
                                                         : columns.histogram_start_time(i)) /
                                1000);
                }
                return;
        }
    }

    // Interpolates between the samples around the reference time, within a lookback of it.
    void smooth(const SeriesSamples& series, Block& out, size_t row) {
        const Grid& grid = node_.grid;
        const int64_t lookback = context_.options.lookback_ms;
        const Interpolation at{context_.labels.metric_name(series.labels.labels),
                               node_.expr->position,
                               context_.annotations};
        for (size_t step = 0; step < grid.count; ++step) {
            const int64_t reference = select_.reference(grid.at(step));
            smooth_at(*series.columns, reference, lookback, at, out, row, step);
        }
    }

    const plan::Node& node_;
    const plan::Select& select_;
    ExecContext& context_;
    QueriedSamples queried_;
    SeriesReader reader_;
};

}  // namespace

OperatorPtr make_select(const plan::Node& node, model::Querier& querier, ExecContext& context) {
    return std::make_unique<SelectOperator>(node, querier, context);
}

}  // namespace query::exec

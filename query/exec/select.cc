#include "query/exec/select.h"

#include "model/sample.h"
#include "query/exec/interpolate.h"
#include "query/exec/series_rows.h"

namespace query::exec {
namespace {

using plan::SelectValue;

// What becomes of a series: its row.
class SelectRows final : public RowMaker {
  public:
    explicit SelectRows(const plan::Node& node) : node_(node), select_(*node.select) {}

    base::Status start() override { return base::success(); }

    [[nodiscard]] bool drops_name() const override {
        return select_.value == SelectValue::kTimestamp ||
               select_.value == SelectValue::kStartTimestamp;
    }

    base::Status make(const Columns& columns,
                      std::string_view metric,
                      RowContext& context,
                      RowScratch& scratch,
                      Block& out,
                      size_t row) const override {
        if (select_.extension == RangeExtension::kSmoothed) {
            smooth(columns, metric, context, out, row);
        } else if (columns.histogram_t.empty() && select_.value == SelectValue::kSample) {
            latest_floats(columns, context, scratch.latest, out, row);
        } else {
            latest(columns, context, out, row);
        }
        QueriedSamples(node_, context.samples).add(out.present(row));
        return base::success();
    }

  private:
    void latest_floats(const Columns& columns,
                       const RowContext& context,
                       LatestMemo& memo,
                       Block& out,
                       size_t row) const {
        remember_latest(columns, context.options.lookback_ms, memo);
        const double* v = columns.v.data();
        double* values = out.values(row);
        Bits present = out.present(row);
        const std::vector<uint32_t>& after = memo.after;
        if (memo.all && !any_stale(columns.v)) {
            for (size_t step = 0; step < after.size(); ++step) {
                values[step] = v[after[step] - 1];
            }
            present.fill();
            return;
        }
        for (size_t step = 0; step < after.size(); ++step) {
            if (after[step] == 0 || model::is_stale(v[after[step] - 1])) {
                continue;
            }
            values[step] = v[after[step] - 1];
            present.set(step);
        }
    }

    // One pass: the index of the latest sample only moves forward.
    void remember_latest(const Columns& columns, int64_t lookback, LatestMemo& memo) const {
        if (memo.known && memo.times == columns.t) {
            return;
        }
        const Grid& grid = node_.grid;
        memo.times = columns.t;
        memo.known = true;
        memo.all = true;
        memo.after.resize(grid.count);
        uint32_t after = 0;  // samples at or before the reference time
        for (size_t step = 0; step < grid.count; ++step) {
            const int64_t reference = select_.reference(grid.at(step));
            while (after < columns.t.size() && columns.t[after] <= reference) {
                ++after;
            }
            const bool fresh = after != 0 && columns.t[after - 1] > reference - lookback;
            memo.after[step] = fresh ? after : 0;
            memo.all = memo.all && fresh;
        }
    }

    void latest(const Columns& columns, const RowContext& context, Block& out, size_t row) const {
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
            if (t <= reference - context.options.lookback_ms || stale) {
                continue;
            }
            put(columns, context, out, row, step, is_float, is_float ? floats - 1 : histograms - 1);
        }
    }

    void put(const Columns& columns,
             const RowContext& context,
             Block& out,
             size_t row,
             size_t step,
             bool is_float,
             size_t i) const {
        switch (select_.value) {
            case SelectValue::kSample:
                if (is_float) {
                    out.set(row, step, columns.v[i]);
                } else {
                    out.set(row, step, columns.histogram[i]);
                }
                return;
            case SelectValue::kSampleTime:
                if (!is_float) {
                    out.set(row, step, columns.histogram[i]);
                    return;
                }
                [[fallthrough]];
            case SelectValue::kTimestamp:
                out.set(
                    row,
                    step,
                    static_cast<double>(is_float ? columns.t[i] : columns.histogram_t[i]) / 1000);
                return;
            case SelectValue::kStartTimestamp:
                if (context.options.use_start_timestamps) {
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
    void smooth(const Columns& columns,
                std::string_view metric,
                RowContext& context,
                Block& out,
                size_t row) const {
        const Grid& grid = node_.grid;
        const int64_t lookback = context.options.lookback_ms;
        const Interpolation at{metric, node_.expr->position, context.annotations};
        for (size_t step = 0; step < grid.count; ++step) {
            const int64_t reference = select_.reference(grid.at(step));
            smooth_at(columns, reference, lookback, at, out, row, step);
        }
    }

    const plan::Node& node_;
    const plan::Select& select_;
};

}  // namespace

OperatorPtr make_select(const plan::Node& node,
                        model::Querier& querier,
                        ExecContext& context,
                        LabelNames labels) {
    const bool drop_stale = node.select->extension == RangeExtension::kSmoothed;
    return make_series_rows({node,
                             *node.select,
                             drop_stale,
                             querier,
                             std::make_unique<SelectRows>(node),
                             context,
                             labels});
}

}  // namespace query::exec

#include "query/exec/series_reader.h"

#include "query/exec/pieces.h"

namespace query::exec {
namespace {

// Charges the histograms of a series beyond what is charged.
base::Status charge(const Columns& columns, base::Reservation& to) {
    if (columns.histogram.empty()) {
        return base::success();
    }
    const int64_t more = columns.histogram_bytes() - to.bytes();
    return more > 0 ? to.grow(more) : base::success();
}

}  // namespace

base::Status read_series(const model::SeriesView& series,
                         const plan::Select& select,
                         bool drop_stale,
                         Columns& out,
                         base::Reservation& histograms) {
    TRY(decode(series.chunks, select.hints.min_t, select.hints.max_t, drop_stale, out));
    if (select.statistics) {
        keep_statistics(out);
    }
    return charge(out, histograms);
}

SeriesReader::SeriesReader(model::Querier& querier,
                           const plan::Select& select,
                           bool drop_stale,
                           ExecContext& context)
    : querier_(querier),
      select_(select),
      drop_stale_(drop_stale),
      context_(context),
      held_(context.samples),
      histograms_(context.budget) {}

base::Result<bool> SeriesReader::next_batch() {
    TRY(context_.check());
    if (!set_) {
        TRY(set_, querier_.select(select_.hints, select_.matchers, context_.request));
    }
    position_ = 0;
    TRY(const bool more, set_->next(batch_));
    if (!more) {
        for (std::string& warning : set_->warnings()) {
            context_.annotations.storage_warning(std::move(warning));
        }
    }
    return more;
}

base::Result<bool> SeriesReader::next(SeriesSamples& out) {
    while (position_ >= batch_.series.size()) {
        TRY(const bool more, next_batch());
        if (!more) {
            return false;
        }
    }
    const model::SeriesView& series = batch_.series[position_++];
    TRY(read_series(series, select_, drop_stale_, columns_, histograms_));
    context_.samples.read(static_cast<int64_t>(columns_.size()));
    TRY(held_.replace(static_cast<int64_t>(columns_.size())));
    out.labels = {context_.labels.import(series.labels, batch_.symbols), false};
    out.columns = &columns_;
    return true;
}

SubquerySource::SubquerySource(OperatorPtr input, const Grid& grid, ExecContext& context)
    : input_(std::move(input)),
      grid_(grid),
      context_(context),
      held_(context.samples),
      histograms_(context.budget) {}

base::Result<bool> SubquerySource::next(SeriesSamples& out) {
    while (row_ >= block_.rows()) {
        TRY(context_.check());
        row_ = 0;
        TRY(const bool more, input_->next(block_));
        if (!more) {
            return false;
        }
        TRY(held_.replace(static_cast<int64_t>(block_.samples())));
    }
    TRY(load(row_));
    TRY(charge(columns_, histograms_));
    out.labels = block_.row(row_);
    out.columns = &columns_;
    ++row_;
    return true;
}

base::Status SubquerySource::load(size_t row) {
    columns_.clear();
    const Bits present = block_.present(row);
    const size_t count = present.count();
    if (!block_.has_histograms()) {
        columns_.t.reserve(count);
        columns_.v.reserve(count);
    }
    const double* values = block_.values(row);
    return for_each_set(context_, present, [&](size_t step) {
        if (const HistogramPtr& histogram = block_.histogram(row, step)) {
            // What is said of resets holds between neighbours in the storage, not between points of
            // a subquery.
            columns_.add(grid_.at(step), without_reset_hint(histogram));
        } else {
            columns_.add(grid_.at(step), values[step]);
        }
    });
}

}  // namespace query::exec

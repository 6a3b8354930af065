// Reads the series of one selection, one after the other, each decoded into columns.
#pragma once

#include <memory>

#include "model/storage.h"
#include "query/exec/columns.h"
#include "query/exec/operator.h"
#include "query/plan/plan.h"

namespace query::exec {

// One series with its samples.
struct SeriesSamples {
    RowLabels labels;
    const Columns* columns = nullptr;  // valid until the next one is read
};

class SeriesSource {
  public:
    virtual ~SeriesSource() = default;
    // False when there are none left.
    [[nodiscard]] virtual base::Result<bool> next(SeriesSamples& out) = 0;
};

// The samples of a series, as the selection wants them.
//   out         cleared first
//   histograms  holds what they take of the largest series so far: more is reserved
//   errors      kCorrupt; kLimit, of the budget
[[nodiscard]] base::Status read_series(const model::SeriesView& series,
                                       const plan::Select& select,
                                       bool drop_stale,
                                       Columns& out,
                                       base::Reservation& histograms);

// The series of the storage that match.
class SeriesReader final : public SeriesSource {
  public:
    // `querier` and `select` outlive the reader.
    SeriesReader(model::Querier& querier,
                 const plan::Select& select,
                 bool drop_stale,
                 ExecContext& context);
    [[nodiscard]] base::Result<bool> next(SeriesSamples& out) override;

  private:
    [[nodiscard]] base::Result<bool> next_batch();

    model::Querier& querier_;
    const plan::Select& select_;
    bool drop_stale_;
    ExecContext& context_;
    std::unique_ptr<model::SeriesSet> set_;
    model::SeriesBatch batch_;
    size_t position_ = 0;
    Columns columns_;
    HeldSamples held_;
    base::Reservation histograms_;  // of the largest series so far
};

// The rows of an inner expression as series: what a subquery's window slides over.
class SubquerySource final : public SeriesSource {
  public:
    SubquerySource(OperatorPtr input, const Grid& grid, ExecContext& context);
    [[nodiscard]] base::Result<bool> next(SeriesSamples& out) override;

  private:
    [[nodiscard]] base::Status load(size_t row);

    OperatorPtr input_;
    Grid grid_;
    ExecContext& context_;
    Block block_;
    size_t row_ = 0;
    Columns columns_;
    HeldSamples held_;
    base::Reservation histograms_;  // of the largest row so far
};

}  // namespace query::exec

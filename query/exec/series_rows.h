// The leaves of a query: the rows of a selection, each made of one series. Several threads make
// them; what comes out is the same, and in the same order, however many there are.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/storage.h"
#include "query/exec/columns.h"
#include "query/exec/operator.h"
#include "query/exec/rollup.h"
#include "query/plan/plan.h"

namespace query::exec {

// The latest sample of every step, which depends on times alone: kept for series with the same
// ones.
struct LatestMemo {
    bool known = false;
    std::vector<int64_t> times;   // that it is about
    std::vector<uint32_t> after;  // by step: one more than the sample's index; 0: none
    bool all = false;             // every step has one
};

// What one thread works with.
struct RowScratch {
    Columns columns;
    WindowMemo windows;
    LatestMemo latest;
};

// What becomes of a series.
class RowMaker {
  public:
    virtual ~RowMaker() = default;
    // Once, before the first series, on the query's thread.
    [[nodiscard]] virtual base::Status start() = 0;
    // Whether the rows go without the metric's name.
    [[nodiscard]] virtual bool drops_name() const = 0;
    // Fills row `row` of `out`, in which nothing is present yet. On any thread, several at once.
    //   metric    the series' name, for annotations
    //   errors    kExecution; those of Pace
    [[nodiscard]] virtual base::Status make(const Columns& columns,
                                            std::string_view metric,
                                            RowContext& context,
                                            RowScratch& scratch,
                                            Block& out,
                                            size_t row) const = 0;
};

// Names of labels; of rows that are only counted by them nobody needs more.
using LabelNames = std::optional<std::span<const std::string>>;

struct SeriesRowsInputs {
    const plan::Node& node;      // outlives the operator
    const plan::Select& select;  // and this
    bool drop_stale = false;
    model::Querier& querier;
    std::unique_ptr<RowMaker> maker;
    ExecContext& context;
    LabelNames labels;  // those that rows are wanted with, beside the metric's name; or all
};

[[nodiscard]] OperatorPtr make_series_rows(SeriesRowsInputs inputs);

}  // namespace query::exec

// The small operators: constants, time, broadcasting, shared results, signs.
#pragma once

#include "query/exec/operator.h"
#include "query/plan/plan.h"

namespace query::exec {

[[nodiscard]] OperatorPtr make_number(double value, size_t steps, ExecContext& context);
[[nodiscard]] OperatorPtr make_time(const Grid& grid, ExecContext& context);
// Repeats the only step of the input `steps` times.
[[nodiscard]] OperatorPtr make_broadcast(OperatorPtr input, size_t steps, ExecContext& context);
[[nodiscard]] OperatorPtr make_negate(OperatorPtr input, bool scalar, ExecContext& context);

// A result that several operators read: evaluated when the first one asks, kept until the last one
// is gone.
class SharedResult {
  public:
    SharedResult(OperatorPtr input, ExecContext& context);
    // The rows of block `index`, copied; false behind the last.
    [[nodiscard]] base::Result<bool> copy(size_t index, Block& out);

  private:
    OperatorPtr input_;
    ExecContext& context_;
    Table table_;
    bool drained_ = false;
};

[[nodiscard]] OperatorPtr make_reader(std::shared_ptr<SharedResult> shared);

}  // namespace query::exec

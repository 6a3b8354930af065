// Functions of instant vectors and scalars, one family per file.
#pragma once

#include "query/exec/operator.h"
#include "query/plan/plan.h"

namespace query::exec {

// What a function is made from. `node` is a kFunction and outlives the operator; `inputs` has an
// entry per argument, null where the argument is a string.
struct FunctionInputs {
    const plan::Node& node;
    const Call& call;
    std::vector<OperatorPtr> inputs;
    ExecContext& context;

    [[nodiscard]] size_t steps() const { return node.grid.count; }

    [[nodiscard]] const std::string& text(size_t i) const { return node.inputs[i]->text; }
};

// The operator of any function but info(). Rows whose labels become equal, because the name is
// dropped or a label replaced, are not merged yet.
[[nodiscard]] OperatorPtr make_function(FunctionInputs inputs);

// The families; each returns null when the function is not its own.
[[nodiscard]] OperatorPtr make_math_function(FunctionInputs& inputs);
[[nodiscard]] OperatorPtr make_time_function(FunctionInputs& inputs);
[[nodiscard]] OperatorPtr make_label_function(FunctionInputs& inputs);
[[nodiscard]] OperatorPtr make_sort_function(FunctionInputs& inputs);
[[nodiscard]] OperatorPtr make_shape_function(FunctionInputs& inputs);
[[nodiscard]] OperatorPtr make_histogram_function(FunctionInputs& inputs);

// absent_over_time: `present` has a row per series with values wherever its window has any.
[[nodiscard]] OperatorPtr make_absent(const Expr& argument,
                                      OperatorPtr present,
                                      size_t steps,
                                      ExecContext& context);

// As Go's math.Max and math.Min: an infinity of the right sign wins over NaN, NaN over the rest.
[[nodiscard]] double max_of(double a, double b);
[[nodiscard]] double min_of(double a, double b);

}  // namespace query::exec

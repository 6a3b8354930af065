// Binary operators, by the kinds of their sides.
#pragma once

#include "query/exec/operator.h"
#include "query/plan/plan.h"

namespace query::exec {

// What a binary operator is made from. `node` is a kBinary and outlives the operator.
struct BinaryInputs {
    const plan::Node& node;
    const BinaryExpr& expr;
    OperatorPtr lhs;
    OperatorPtr rhs;
    ExecContext& context;

    [[nodiscard]] size_t steps() const { return node.grid.count; }
};

[[nodiscard]] OperatorPtr make_binary(BinaryInputs inputs);

[[nodiscard]] OperatorPtr make_scalar_binary(BinaryInputs inputs);
[[nodiscard]] OperatorPtr make_vector_scalar_binary(BinaryInputs inputs, bool vector_left);
[[nodiscard]] OperatorPtr make_vector_binary(BinaryInputs inputs);
[[nodiscard]] OperatorPtr make_set_binary(BinaryInputs inputs);

// Arithmetic on two floats; comparisons yield the left side.
using FloatOp = double (*)(double, double);
[[nodiscard]] FloatOp float_op(BinaryOp op);
// What a comparison says; null for other operators.
using FloatTest = bool (*)(double, double);
[[nodiscard]] FloatTest float_test(BinaryOp op);

// One side of an operation at one step.
struct Operand {
    double value = 0;
    const model::FloatHistogram* histogram = nullptr;
};

struct Outcome {
    double value = 0;
    HistogramPtr histogram;
    bool keep = false;   // false: a comparison says no
    bool valid = false;  // false: the kinds do not go together, which has been annotated
};

// Any operator on any two values. Annotations point at `expr`.
[[nodiscard]] Outcome combine(const BinaryExpr& expr,
                              Operand lhs,
                              Operand rhs,
                              Annotations& annotations);

// + - * / % ^ atan2: the result is another quantity, so the name goes.
[[nodiscard]] bool changes_meaning(BinaryOp op);

}  // namespace query::exec

// Operators on single values, and the choice of the operator by the kinds of the sides.
#include <cmath>

#include "query/exec/binary.h"
#include "query/histogram/arithmetic.h"
#include "query/histogram/compare.h"
#include "query/histogram/quantile.h"

namespace query::exec {
namespace {

using model::FloatHistogram;

HistogramPtr compacted(FloatHistogram histogram) {
    histogram::compact(histogram);
    return std::make_shared<FloatHistogram>(std::move(histogram));
}

Outcome of_histogram(HistogramPtr histogram) {
    return {0, std::move(histogram), true, true};
}

Outcome combine_floats(const BinaryExpr& expr, double lhs, double rhs, Annotations& annotations) {
    if (is_trim(expr.op)) {
        annotations.incompatible_types("float", symbol(expr.op), "float", expr.position);
        return {};
    }
    const FloatTest test = float_test(expr.op);
    return {float_op(expr.op)(lhs, rhs), nullptr, test == nullptr || test(lhs, rhs), true};
}

Outcome add_up(const BinaryExpr& expr,
               const FloatHistogram& lhs,
               const FloatHistogram& rhs,
               Annotations& annotations) {
    const bool adds = expr.op == BinaryOp::kAdd;
    histogram::HistogramSum sum(lhs);
    const histogram::Combined combined = adds ? sum.add(rhs) : sum.subtract(rhs);
    if (combined.incompatible) {
        annotations.incompatible_bucket_layout(symbol(expr.op), expr.position);
        return {};
    }
    const auto operation = adds ? HistogramOperation::kAddition : HistogramOperation::kSubtraction;
    if (combined.reset_collision) {
        annotations.counter_reset_collision(operation, expr.position);
    }
    if (combined.reconciled) {
        annotations.custom_buckets_reconciled(operation, expr.position);
    }
    if (!adds) {
        sum.set_hint(model::CounterResetHint::kGauge);
    }
    return of_histogram(std::make_shared<FloatHistogram>(sum.result()));
}

Outcome combine_histograms(const BinaryExpr& expr,
                           const FloatHistogram& lhs,
                           const FloatHistogram& rhs,
                           Annotations& annotations) {
    switch (expr.op) {
        case BinaryOp::kAdd:
        case BinaryOp::kSub:
            return add_up(expr, lhs, rhs, annotations);
        case BinaryOp::kEqual:
        case BinaryOp::kNotEqual: {
            const bool same = histogram::equal(lhs, rhs);
            return {0,
                    std::make_shared<FloatHistogram>(lhs),
                    same == (expr.op == BinaryOp::kEqual),
                    true};
        }
        default:
            annotations.incompatible_types(
                "histogram", symbol(expr.op), "histogram", expr.position);
            return {};
    }
}

Outcome combine_with_float(const BinaryExpr& expr,
                           const FloatHistogram& lhs,
                           double rhs,
                           Annotations& annotations) {
    switch (expr.op) {
        case BinaryOp::kMul:
            return of_histogram(compacted(histogram::scaled(lhs, rhs)));
        case BinaryOp::kDiv:
            return of_histogram(compacted(histogram::divided(lhs, rhs)));
        case BinaryOp::kTrimUpper:
        case BinaryOp::kTrimLower:
            return of_histogram(std::make_shared<FloatHistogram>(
                histogram::trimmed(lhs, rhs, expr.op == BinaryOp::kTrimUpper)));
        default:
            annotations.incompatible_types("histogram", symbol(expr.op), "float", expr.position);
            return {};
    }
}

}  // namespace

FloatOp float_op(BinaryOp op) {
    switch (op) {
        case BinaryOp::kAdd:
            return [](double a, double b) { return a + b; };
        case BinaryOp::kSub:
            return [](double a, double b) { return a - b; };
        case BinaryOp::kMul:
            return [](double a, double b) { return a * b; };
        case BinaryOp::kDiv:
            return [](double a, double b) { return a / b; };
        case BinaryOp::kMod:
            return [](double a, double b) { return std::fmod(a, b); };
        case BinaryOp::kPow:
            return [](double a, double b) { return std::pow(a, b); };
        case BinaryOp::kAtan2:
            return [](double a, double b) { return std::atan2(a, b); };
        default:
            return [](double a, double) { return a; };
    }
}

FloatTest float_test(BinaryOp op) {
    switch (op) {
        case BinaryOp::kEqual:
            return [](double a, double b) { return a == b; };
        case BinaryOp::kNotEqual:
            return [](double a, double b) { return a != b; };
        case BinaryOp::kLess:
            return [](double a, double b) { return a < b; };
        case BinaryOp::kLessEqual:
            return [](double a, double b) { return a <= b; };
        case BinaryOp::kGreater:
            return [](double a, double b) { return a > b; };
        case BinaryOp::kGreaterEqual:
            return [](double a, double b) { return a >= b; };
        default:
            return nullptr;
    }
}

bool changes_meaning(BinaryOp op) {
    return op <= BinaryOp::kSub;
}

Outcome combine(const BinaryExpr& expr, Operand lhs, Operand rhs, Annotations& annotations) {
    if (lhs.histogram == nullptr && rhs.histogram == nullptr) {
        return combine_floats(expr, lhs.value, rhs.value, annotations);
    }
    if (lhs.histogram != nullptr && rhs.histogram != nullptr) {
        return combine_histograms(expr, *lhs.histogram, *rhs.histogram, annotations);
    }
    if (lhs.histogram != nullptr) {
        return combine_with_float(expr, *lhs.histogram, rhs.value, annotations);
    }
    if (expr.op == BinaryOp::kMul) {
        return of_histogram(compacted(histogram::scaled(*rhs.histogram, lhs.value)));
    }
    annotations.incompatible_types("float", symbol(expr.op), "histogram", expr.position);
    return {};
}

OperatorPtr make_binary(BinaryInputs inputs) {
    const bool left = inputs.expr.lhs->type() == ValueType::kVector;
    const bool right = inputs.expr.rhs->type() == ValueType::kVector;
    if (!left && !right) {
        return make_scalar_binary(std::move(inputs));
    }
    if (left != right) {
        return make_vector_scalar_binary(std::move(inputs), left);
    }
    return is_set_operator(inputs.expr.op) ? make_set_binary(std::move(inputs))
                                           : make_vector_binary(std::move(inputs));
}

}  // namespace query::exec

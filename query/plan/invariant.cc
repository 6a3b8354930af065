#include "query/plan/invariant.h"

namespace query::plan {
namespace {

// Functions that look at the time of the step whatever their arguments are.
bool depends_on_step(const Call& call) {
    switch (call.function->id) {
        case FunctionId::kDayOfMonth:
        case FunctionId::kDayOfWeek:
        case FunctionId::kDayOfYear:
        case FunctionId::kDaysInMonth:
        case FunctionId::kHour:
        case FunctionId::kMinute:
        case FunctionId::kMonth:
        case FunctionId::kYear:
            return call.args.empty();
        case FunctionId::kPredictLinear:
        case FunctionId::kTime:
            return true;
        case FunctionId::kTimestamp:
        case FunctionId::kStartTimestamp:
            return without_parens(*call.args[0]).kind != ExprKind::kVectorSelector;
        default:
            return false;
    }
}

}  // namespace

bool is_step_invariant(const Expr& expr) {
    switch (expr.kind) {
        case ExprKind::kVectorSelector:
            return as<VectorSelector>(expr).at.kind != AtKind::kNone;
        case ExprKind::kSubquery:
            return as<Subquery>(expr).at.kind != AtKind::kNone;
        case ExprKind::kAggregate:
            // Whatever the parameter is: over fixed series it is that of the first step.
            return is_step_invariant(*as<AggregateExpr>(expr).expr);
        case ExprKind::kCall:
            if (depends_on_step(as<Call>(expr))) {
                return false;
            }
            break;
        default:
            break;
    }
    bool invariant = true;
    for_each_child(expr, [&](const Expr& child) { invariant &= is_step_invariant(child); });
    return invariant;
}

}  // namespace query::plan

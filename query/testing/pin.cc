#include "query/testing/pin.h"

#include "query/printer.h"

namespace query::testing {
namespace {

bool depends_on_time(FunctionId id) {
    switch (id) {
        case FunctionId::kDaysInMonth:
        case FunctionId::kDayOfMonth:
        case FunctionId::kDayOfWeek:
        case FunctionId::kDayOfYear:
        case FunctionId::kEnd:
        case FunctionId::kHour:
        case FunctionId::kMinute:
        case FunctionId::kMonth:
        case FunctionId::kYear:
        case FunctionId::kPredictLinear:
        case FunctionId::kRange:
        case FunctionId::kStart:
        case FunctionId::kStep:
        case FunctionId::kTime:
        case FunctionId::kTimestamp:
            return true;
        default:
            return false;
    }
}

class Pinner {
  public:
    explicit Pinner(int64_t t_ms) : t_ms_(t_ms) {}

    [[nodiscard]] bool possible() const { return possible_; }

    void visit(Expr& expr) {
        switch (expr.kind) {
            case ExprKind::kNumber:
            case ExprKind::kString:
                return;
            case ExprKind::kVectorSelector:
                return pin(as<VectorSelector>(expr).at);
            case ExprKind::kMatrixSelector:
                return pin(as<MatrixSelector>(expr).selector->at);
            case ExprKind::kSubquery:
                return pin(as<Subquery>(expr).at);
            case ExprKind::kUnary:
                return visit(*as<UnaryExpr>(expr).expr);
            case ExprKind::kBinary:
                visit(*as<BinaryExpr>(expr).lhs);
                return visit(*as<BinaryExpr>(expr).rhs);
            case ExprKind::kAggregate:
                return aggregate(as<AggregateExpr>(expr));
            case ExprKind::kCall:
                return call(as<Call>(expr));
            case ExprKind::kParen:
                return visit(*as<ParenExpr>(expr).expr);
        }
    }

  private:
    void pin(AtModifier& at) const {
        if (at.kind != AtKind::kTimestamp) {
            at = {.kind = AtKind::kTimestamp, .timestamp_ms = t_ms_};
        }
    }

    void aggregate(AggregateExpr& expr) {
        if (expr.param) {
            visit(*expr.param);
        }
        visit(*expr.expr);
    }

    void call(Call& expr) {
        possible_ = possible_ && !depends_on_time(expr.function->id);
        for (const ExprPtr& arg : expr.args) {
            visit(*arg);
        }
    }

    int64_t t_ms_;
    bool possible_ = true;
};

}  // namespace

std::optional<std::string> pinned(const Expr& expr, int64_t t_ms) {
    const ExprPtr copy = expr.clone();
    Pinner pinner(t_ms);
    pinner.visit(*copy);
    if (!pinner.possible()) {
        return std::nullopt;
    }
    return to_string(*copy);
}

}  // namespace query::testing

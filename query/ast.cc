#include "query/ast.h"

namespace query {
namespace {

DurationPtr clone_of(const DurationPtr& duration) {
    return duration ? duration->clone() : nullptr;
}

// A new node of the same kind and place, to be filled.
template <class T>
std::unique_ptr<T> same_place(const T& node) {
    auto copy = std::make_unique<T>();
    copy->height = node.height;
    copy->position = node.position;
    return copy;
}

}  // namespace

DurationPtr DurationExpr::clone() const {
    auto copy = std::make_unique<DurationExpr>();
    copy->kind = kind;
    copy->position = position;
    copy->height = height;
    copy->parenthesized = parenthesized;
    copy->seconds = seconds;
    copy->is_duration = is_duration;
    copy->op = op;
    copy->lhs = clone_of(lhs);
    copy->rhs = clone_of(rhs);
    return copy;
}

DurationSpec DurationSpec::clone() const {
    return {.millis = millis, .expr = clone_of(expr)};
}

ExprPtr NumberLiteral::clone() const {
    auto copy = same_place(*this);
    copy->value = value;
    copy->is_duration = is_duration;
    return copy;
}

ExprPtr StringLiteral::clone() const {
    auto copy = same_place(*this);
    copy->value = value;
    return copy;
}

ExprPtr VectorSelector::clone() const {
    auto copy = same_place(*this);
    copy->name = name;
    copy->matchers = matchers;
    copy->offset = offset.clone();
    copy->at = at;
    copy->extension = extension;
    copy->bypass_empty_matcher_check = bypass_empty_matcher_check;
    return copy;
}

ExprPtr MatrixSelector::clone() const {
    auto copy = same_place(*this);
    ExprPtr inner = selector->clone();
    copy->selector.reset(static_cast<VectorSelector*>(inner.release()));
    copy->range = range.clone();
    return copy;
}

ExprPtr Subquery::clone() const {
    auto copy = same_place(*this);
    copy->expr = expr->clone();
    copy->range = range.clone();
    copy->step = step.clone();
    copy->has_step = has_step;
    copy->offset = offset.clone();
    copy->at = at;
    return copy;
}

ExprPtr UnaryExpr::clone() const {
    auto copy = same_place(*this);
    copy->negate = negate;
    copy->expr = expr->clone();
    return copy;
}

ValueType BinaryExpr::type() const {
    const bool both_scalars =
        lhs->type() == ValueType::kScalar && rhs->type() == ValueType::kScalar;
    return both_scalars ? ValueType::kScalar : ValueType::kVector;
}

ExprPtr BinaryExpr::clone() const {
    auto copy = same_place(*this);
    copy->op = op;
    copy->lhs = lhs->clone();
    copy->rhs = rhs->clone();
    copy->return_bool = return_bool;
    copy->matching = matching;
    return copy;
}

ExprPtr AggregateExpr::clone() const {
    auto copy = same_place(*this);
    copy->op = op;
    copy->expr = expr->clone();
    copy->param = param ? param->clone() : nullptr;
    copy->grouping = grouping;
    copy->without = without;
    return copy;
}

ExprPtr Call::clone() const {
    auto copy = same_place(*this);
    copy->function = function;
    copy->args.reserve(args.size());
    for (const ExprPtr& arg : args) {
        copy->args.push_back(arg->clone());
    }
    return copy;
}

ExprPtr ParenExpr::clone() const {
    auto copy = same_place(*this);
    copy->expr = expr->clone();
    return copy;
}

const Expr& without_parens(const Expr& expr) {
    const Expr* inner = &expr;
    while (const auto* paren = try_as<ParenExpr>(*inner)) {
        inner = paren->expr.get();
    }
    return *inner;
}

}  // namespace query

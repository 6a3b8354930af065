#include "query/parse/type_check.h"

#include <set>
#include <string>
#include <utility>

#include "model/labels.h"
#include "model/quote.h"

namespace query {
namespace {

std::string quoted(std::string_view text) {
    std::string out;
    model::append_quoted(out, text);
    return out;
}

std::string concat(std::initializer_list<std::string_view> parts) {
    std::string out;
    for (const std::string_view part : parts) {
        out += part;
    }
    return out;
}

auto fail_at(PositionRange position, std::string reason) {
    return fail(ParseError{.position = position, .reason = std::move(reason)});
}

auto fail_at(const Expr& expr, std::string reason) {
    return fail_at(expr.position, std::move(reason));
}

bool is_number_like(ValueType type) {
    return type == ValueType::kScalar || type == ValueType::kVector;
}

class TypeChecker {
  public:
    explicit TypeChecker(std::string_view query) : query_(query) {}

    // The type of a correct expression. Made from the types of the children, not by asking
    // expr.type(), which walks down again.
    Parsed<ValueType> check(Expr& expr) {
        switch (expr.kind) {
            case ExprKind::kNumber:
                return ValueType::kScalar;
            case ExprKind::kString:
                return ValueType::kString;
            case ExprKind::kVectorSelector:
                return check_selector(as<VectorSelector>(expr), ValueType::kVector);
            case ExprKind::kMatrixSelector:
                return check_selector(*as<MatrixSelector>(expr).selector, ValueType::kMatrix);
            case ExprKind::kSubquery:
                return check_subquery(as<Subquery>(expr));
            case ExprKind::kUnary:
                return check_unary(as<UnaryExpr>(expr));
            case ExprKind::kBinary:
                return check_binary(as<BinaryExpr>(expr));
            case ExprKind::kAggregate:
                return check_aggregate(as<AggregateExpr>(expr));
            case ExprKind::kCall:
                return check_call(as<Call>(expr));
            case ExprKind::kParen:
                return check(*as<ParenExpr>(expr).expr);
        }
        return ValueType::kNone;
    }

  private:
    Parsed<void> expect_type(Expr& expr, ValueType want, std::string_view where) {
        TRY(const ValueType got, check(expr));
        if (got != want) {
            return wrong_type(expr, want, where, got);
        }
        return base::success();
    }

    [[gnu::noinline]] static Parsed<void> wrong_type(const Expr& expr,
                                                     ValueType want,
                                                     std::string_view where,
                                                     ValueType got) {
        return fail_at(
            expr,
            concat({"expected type ", describe(want), " in ", where, ", got ", describe(got)}));
    }

    [[gnu::noinline]] static Parsed<ValueType> check_selector(const VectorSelector& selector,
                                                              ValueType type) {
        if (!selector.name.empty()) {
            TRY(check_single_name(selector));
            return type;
        }
        if (selector.bypass_empty_matcher_check) {
            return type;
        }
        for (const MatcherSpec& matcher : selector.matchers) {
            if (!matches_empty(matcher)) {
                return type;
            }
        }
        return fail_at(selector, "vector selector must contain at least one non-empty matcher");
    }

    // The last matcher is the one of the name before the braces.
    static Parsed<void> check_single_name(const VectorSelector& selector) {
        for (size_t i = 0; i + 1 < selector.matchers.size(); ++i) {
            const MatcherSpec& matcher = selector.matchers[i];
            if (matcher.name == model::kMetricName) {
                return fail_at(selector,
                               concat({"metric name must not be set twice: ",
                                       quoted(selector.name),
                                       " or ",
                                       quoted(matcher.value)}));
            }
        }
        return base::success();
    }

    static bool matches_empty(const MatcherSpec& spec) {
        auto matcher = model::Matcher::create(spec.type, spec.name, spec.value);
        return !matcher.has_value() || matcher.value().matches_empty();
    }

    Parsed<ValueType> check_subquery(Subquery& subquery) {
        TRY(const ValueType type, check(*subquery.expr));
        if (type != ValueType::kVector) {
            return wrong_subquery(subquery, type);
        }
        return ValueType::kMatrix;
    }

    [[gnu::noinline]] static Parsed<ValueType> wrong_subquery(const Subquery& subquery,
                                                              ValueType type) {
        return fail_at(
            subquery,
            concat(
                {"subquery is only allowed on instant vector, got ", name_of(type), " instead"}));
    }

    Parsed<ValueType> check_unary(UnaryExpr& unary) {
        TRY(const ValueType type, check(*unary.expr));
        if (!is_number_like(type)) {
            return wrong_unary(unary, type);
        }
        return type;
    }

    [[gnu::noinline]] static Parsed<ValueType> wrong_unary(const UnaryExpr& unary, ValueType type) {
        return fail_at(unary,
                       concat({"unary expression only allowed on expressions of type scalar or "
                               "instant vector, got ",
                               quoted(describe(type))}));
    }

    Parsed<ValueType> check_aggregate(AggregateExpr& aggregate) {
        TRY(expect_type(*aggregate.expr, ValueType::kVector, "aggregation expression"));
        if (aggregate.param) {
            TRY(expect_type(*aggregate.param, param_type(aggregate.op), "aggregation parameter"));
        }
        return ValueType::kVector;
    }

    // Where the operator stands: between the operands.
    [[nodiscard]] PositionRange operator_position(const BinaryExpr& binary) const {
        PositionRange range{binary.lhs->position.end, binary.rhs->position.start};
        const auto is_space = [&](int32_t at) {
            return std::string_view(" \t\r\n").find(query_[static_cast<size_t>(at)]) !=
                   std::string_view::npos;
        };
        while (range.start < range.end && is_space(range.start)) {
            ++range.start;
        }
        return range;
    }

    Parsed<ValueType> check_binary(BinaryExpr& binary) {
        TRY(const ValueType left, check(*binary.lhs));
        TRY(const ValueType right, check(*binary.rhs));
        return check_operands(binary, left, right);
    }

    // Not inlined: the walk down stays light on the stack.
    [[gnu::noinline]] Parsed<ValueType> check_operands(BinaryExpr& binary,
                                                       ValueType left,
                                                       ValueType right) {
        const bool both_scalars = left == ValueType::kScalar && right == ValueType::kScalar;
        if (binary.return_bool && !is_comparison(binary.op)) {
            return fail_at(operator_position(binary),
                           "bool modifier can only be used on comparison operators");
        }
        if (is_comparison(binary.op) && !binary.return_bool && both_scalars) {
            return fail_at(operator_position(binary),
                           "comparisons between scalars must use BOOL modifier");
        }
        TRY(check_labels_once(binary));
        if (!is_number_like(left) || !is_number_like(right)) {
            return fail_at(is_number_like(left) ? *binary.rhs : *binary.lhs,
                           "binary expression must contain only scalar and instant vector types");
        }
        if (left == ValueType::kVector && right == ValueType::kVector) {
            TRY(check_vector_matching(binary));
        } else {
            TRY(check_no_matching(binary));
        }
        return both_scalars ? ValueType::kScalar : ValueType::kVector;
    }

    Parsed<void> check_labels_once(const BinaryExpr& binary) {
        const VectorMatching& matching = *binary.matching;
        if (!matching.on) {
            return base::success();
        }
        const std::set<std::string_view> included(matching.include.begin(), matching.include.end());
        for (const std::string& label : matching.labels) {
            if (included.contains(label)) {
                return fail_at(operator_position(binary),
                               concat({"label ",
                                       quoted(label),
                                       " must not occur in ON and GROUP clause at once"}));
            }
        }
        return base::success();
    }

    // An operand is a scalar: nothing to match.
    static Parsed<void> check_no_matching(BinaryExpr& binary) {
        if (!binary.matching->labels.empty()) {
            return fail_at(binary, "vector matching only allowed between instant vectors");
        }
        if (binary.matching->fill_left || binary.matching->fill_right) {
            return fail_at(binary,
                           "filling in missing series only allowed between instant vectors");
        }
        binary.matching.reset();
        if (is_set_operator(binary.op)) {
            return fail_at(binary,
                           concat({"set operator ",
                                   quoted(symbol(binary.op)),
                                   " not allowed in binary scalar expression"}));
        }
        return base::success();
    }

    static Parsed<void> check_vector_matching(BinaryExpr& binary) {
        VectorMatching& matching = *binary.matching;
        if (!is_set_operator(binary.op)) {
            return base::success();
        }
        if (matching.card != MatchCard::kOneToOne) {
            return fail_at(
                binary,
                concat({"no grouping allowed for ", quoted(symbol(binary.op)), " operation"}));
        }
        matching.card = MatchCard::kManyToMany;
        if (matching.fill_left || matching.fill_right) {
            return fail_at(binary, "filling in missing series not allowed for set operators");
        }
        return base::success();
    }

    Parsed<ValueType> check_call(Call& call) {
        TRY(check_argument_count(call));
        if (call.function->id == FunctionId::kInfo && call.args.size() > 1) {
            TRY(check_info_selector(call));
        }
        for (size_t i = 0; i < call.args.size(); ++i) {
            TRY(const ValueType got, check(*call.args[i]));
            if (got != call.function->arg_type(i)) {
                return wrong_argument(call, i, got);
            }
        }
        return call.function->return_type;
    }

    [[gnu::noinline]] static Parsed<ValueType> wrong_argument(const Call& call,
                                                              size_t index,
                                                              ValueType got) {
        TRY(wrong_type(*call.args[index],
                       call.function->arg_type(index),
                       concat({"call to function ", quoted(call.function->name)}),
                       got));
        return got;
    }

    [[gnu::noinline]] static Parsed<void> check_argument_count(const Call& call) {
        const Function& function = *call.function;
        const auto count = static_cast<int>(call.args.size());
        const auto wrong = [&](std::string_view how_many, int expected) {
            return fail_at(call,
                           concat({"expected ",
                                   how_many,
                                   std::to_string(expected),
                                   " argument(s) in call to ",
                                   quoted(function.name),
                                   ", got ",
                                   std::to_string(count)}));
        };
        if (function.variadic == 0 && count != function.arg_count) {
            return wrong("", function.arg_count);
        }
        if (count < function.args_min()) {
            return wrong("at least ", function.args_min());
        }
        if (function.args_max() != kVariadicUnlimited && count > function.args_max()) {
            return wrong("at most ", function.args_max());
        }
        return base::success();
    }

    // The second argument of info() is a bare selector of labels.
    [[gnu::noinline]] static Parsed<void> check_info_selector(Call& call) {
        Expr& arg = *call.args[1];
        if (arg.type() != ValueType::kVector) {
            return fail_at(call,
                           concat({"expected type instant vector in call to function ",
                                   quoted(call.function->name),
                                   ", got ",
                                   describe(arg.type())}));
        }
        auto* selector = try_as<VectorSelector>(arg);
        if (selector == nullptr) {
            return fail_at(arg, "expected label selectors only");
        }
        if (!selector->name.empty()) {
            return fail_at(arg, "expected label selectors only, got vector selector instead");
        }
        selector->bypass_empty_matcher_check = true;
        return base::success();
    }

    std::string_view query_;
};

}  // namespace

Parsed<void> check_types(Expr& expr, std::string_view query) {
    TRY(TypeChecker(query).check(expr));
    return base::success();
}

}  // namespace query

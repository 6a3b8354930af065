#include "test/query/random_query.h"

#include <array>
#include <span>
#include <string>
#include <utility>

namespace test_query {
namespace {

using namespace query;  // NOLINT(google-build-using-namespace): a generator of its nodes

class Generator {
  public:
    explicit Generator(base::Random& random) : random_(random) {}

    ExprPtr expr(ValueType type, int depth) {
        switch (type) {
            case ValueType::kScalar:
                return scalar(depth);
            case ValueType::kString:
                return string();
            case ValueType::kMatrix:
                return depth > 1 && chance(3) ? subquery(depth) : matrix();
            default:
                return vector(depth);
        }
    }

  private:
    bool chance(uint64_t one_in) { return random_.below(one_in) == 0; }

    template <class T, size_t kSize>
    const T& pick(const std::array<T, kSize>& from) {
        return from[random_.below(kSize)];
    }

    ExprPtr in_parens(ExprPtr inner) {
        auto node = std::make_unique<ParenExpr>();
        node->expr = std::move(inner);
        return node;
    }

    // An offset in parentheses takes an operator behind it for its own.
    static bool ends_in_parens(const Expr& expr) {
        const DurationSpec* offset = nullptr;
        if (const auto* selector = try_as<VectorSelector>(expr)) {
            offset = &selector->offset;
        }
        return offset != nullptr && offset->expr && offset->expr->parenthesized;
    }

    // What may stand beside an operator without parentheses whatever the operator.
    ExprPtr operand(ValueType type, int depth) {
        ExprPtr inner = expr(type, depth);
        const auto* number = try_as<NumberLiteral>(*inner);
        const bool loose = ends_in_parens(*inner) || inner->kind == ExprKind::kBinary ||
                           inner->kind == ExprKind::kUnary ||
                           (number != nullptr && number->value < 0);
        return loose ? in_parens(std::move(inner)) : std::move(inner);
    }

    ExprPtr number() {
        auto node = std::make_unique<NumberLiteral>();
        if (chance(4)) {
            node->is_duration = true;
            node->value = static_cast<double>(1 + random_.below(100'000)) / 1000;
        } else {
            constexpr std::array<double, 6> kValues{0, 1, 0.5, 12345.678, 1e-9, 1e30};
            node->value = pick(kValues);
        }
        return node;
    }

    ExprPtr string() {
        constexpr std::array<const char*, 5> kTexts{"", "text", "a\"b\\c\n", "é😀", "\xff\x01"};
        auto node = std::make_unique<StringLiteral>();
        node->value = pick(kTexts);
        return node;
    }

    ExprPtr scalar(int depth) {
        if (depth <= 1 || chance(3)) {
            return number();
        }
        if (chance(3)) {
            return call(FunctionId::kScalar, depth);
        }
        return chance(2) ? binary(ValueType::kScalar, ValueType::kScalar, depth)
                         : in_parens(scalar(depth - 1));
    }

    ExprPtr vector(int depth) {
        if (depth <= 1) {
            return selector();
        }
        switch (random_.below(8)) {
            case 0:
                return selector();
            case 1:
                return binary(ValueType::kVector, ValueType::kVector, depth);
            case 2:
                return chance(2) ? binary(ValueType::kVector, ValueType::kScalar, depth)
                                 : binary(ValueType::kScalar, ValueType::kVector, depth);
            case 3:
                return in_parens(vector(depth - 1));
            case 4:
                return sign(depth);
            case 5:
                return aggregate(depth);
            default:
                return any_call(depth);
        }
    }

    ExprPtr sign(int depth) {
        auto node = std::make_unique<UnaryExpr>();
        node->negate = chance(2);
        node->expr = operand(ValueType::kVector, depth - 1);
        return node;
    }

    ExprPtr any_call(int depth) {
        const auto functions = all_functions();
        while (true) {
            const Function& chosen = functions[random_.below(functions.size())];
            if (chosen.return_type == ValueType::kVector && chosen.id != FunctionId::kInfo) {
                return call(chosen.id, depth);
            }
        }
    }

    ExprPtr call(FunctionId id, int depth) {
        auto node = std::make_unique<Call>();
        node->function = &function(id);
        const auto least = static_cast<size_t>(node->function->args_min());
        const size_t count = node->function->variadic == 0 ? least : least + random_.below(2);
        for (size_t i = 0; i < count; ++i) {
            node->args.push_back(expr(node->function->arg_type(i), depth - 1));
        }
        return node;
    }

    ExprPtr aggregate(int depth) {
        auto node = std::make_unique<AggregateExpr>();
        node->op = static_cast<AggregateOp>(random_.below(14));
        if (param_type(node->op) != ValueType::kNone) {
            node->param = expr(param_type(node->op), depth - 1);
        }
        node->expr = vector(depth - 1);
        node->without = chance(3);
        labels(node->grouping);
        return node;
    }

    void labels(std::vector<std::string>& out) {
        constexpr std::array<const char*, 4> kLabels{"a", "job", "x.y", "offset"};
        for (const char* label : kLabels) {
            if (chance(3)) {
                out.emplace_back(label);
            }
        }
    }

    ExprPtr binary(ValueType left, ValueType right, int depth) {
        auto node = std::make_unique<BinaryExpr>();
        const bool vectors = left == ValueType::kVector && right == ValueType::kVector;
        node->op = static_cast<BinaryOp>(random_.below(vectors ? 18 : 15));
        node->lhs = operand(left, depth - 1);
        node->rhs = operand(right, depth - 1);
        const bool scalars = left == ValueType::kScalar && right == ValueType::kScalar;
        node->return_bool = is_comparison(node->op) && (scalars || chance(2));
        if (vectors) {
            node->matching = matching(is_set_operator(node->op));
        }
        return node;
    }

    VectorMatching matching(bool set) {
        VectorMatching out;
        out.card = set ? MatchCard::kManyToMany : MatchCard::kOneToOne;
        out.on = chance(2);
        labels(out.labels);
        if (!set && chance(2)) {
            out.card = chance(2) ? MatchCard::kManyToOne : MatchCard::kOneToMany;
            out.include = {"version"};
        }
        if (!set && chance(3)) {
            out.fill_left = static_cast<double>(random_.below(3));
            out.fill_right = static_cast<double>(random_.below(3));
        }
        return out;
    }

    std::unique_ptr<VectorSelector> plain_selector() {
        constexpr std::array<const char*, 5> kNames{"up", "a:b", "sum", "x.y", ""};
        constexpr std::array<const char*, 4> kValues{"x", "a|b", ".+", "q\"\\"};
        auto node = std::make_unique<VectorSelector>();
        const std::string name = pick(kNames);
        if (chance(2) || name.empty()) {
            node->matchers.push_back({MatchType::kEqual, "job", "api"});
        }
        if (chance(3)) {
            const auto type = static_cast<MatchType>(random_.below(4));
            const bool regex = type == MatchType::kRegex || type == MatchType::kNotRegex;
            node->matchers.push_back({type, "a b", regex ? "c|d" : pick(kValues)});
        }
        if (name == "x.y") {
            node->matchers.push_back({MatchType::kEqual, "__name__", name});
        } else if (!name.empty()) {
            node->name = name;
            node->matchers.push_back({MatchType::kEqual, "__name__", name});
        }
        return node;
    }

    ExprPtr selector() {
        auto node = plain_selector();
        modifiers(node->at, node->offset);
        node->extension = chance(6) ? RangeExtension::kSmoothed : RangeExtension::kNone;
        return node;
    }

    ExprPtr matrix() {
        auto node = std::make_unique<MatrixSelector>();
        node->selector = plain_selector();
        modifiers(node->selector->at, node->selector->offset);
        node->selector->extension = static_cast<RangeExtension>(random_.below(3));
        node->range = duration(false);
        return node;
    }

    ExprPtr subquery(int depth) {
        auto node = std::make_unique<Subquery>();
        node->expr = operand(ValueType::kVector, depth - 1);
        node->range = duration(false);
        node->has_step = chance(2);
        if (node->has_step) {
            node->step = duration(false);
        }
        modifiers(node->at, node->offset);
        return node;
    }

    void modifiers(AtModifier& at, DurationSpec& offset) {
        at.kind = chance(2) ? AtKind::kNone : static_cast<AtKind>(random_.below(4));
        if (at.kind == AtKind::kTimestamp) {
            at.timestamp_ms = static_cast<int64_t>(random_.below(2'000'000)) - 1'000'000;
        }
        if (chance(2)) {
            offset = duration(true);
        }
    }

    DurationSpec duration(bool is_offset) {
        if (chance(3)) {
            DurationSpec spec;
            spec.expr = duration_expr(3, is_offset);
            return spec;
        }
        const auto millis = static_cast<int64_t>(1 + random_.below(10'000'000));
        return {.millis = is_offset && chance(2) ? -millis : millis};
    }

    // Never a bare number, which would be a constant. As an offset it stands in parentheses or is
    // a function.
    DurationPtr duration_expr(int depth, bool closed) {
        auto node = std::make_unique<DurationExpr>();
        switch (random_.below(depth > 1 ? 4 : 2)) {
            case 0:
                node->kind = DurationKind::kStep;
                break;
            case 1:
                node->kind = DurationKind::kRange;
                break;
            case 2:
                node->kind = chance(2) ? DurationKind::kMinOf : DurationKind::kMaxOf;
                node->lhs = duration_operand(depth - 1);
                node->rhs = duration_operand(depth - 1);
                break;
            default:
                node->kind = DurationKind::kBinary;
                node->op = pick(std::array{BinaryOp::kAdd, BinaryOp::kMul, BinaryOp::kPow});
                node->lhs = duration_operand(depth - 1);
                node->rhs = duration_operand(depth - 1);
                node->parenthesized = closed;
                break;
        }
        return node;
    }

    DurationPtr duration_operand(int depth) {
        if (depth > 1 && chance(2)) {
            return duration_expr(depth - 1, true);
        }
        auto node = std::make_unique<DurationExpr>();
        node->seconds = static_cast<double>(1 + random_.below(1000));
        node->is_duration = chance(2);
        return node;
    }

    base::Random& random_;
};

}  // namespace

ExprPtr random_expr(base::Random& random, ValueType type, int depth) {
    return Generator(random).expr(type, depth);
}

}  // namespace test_query

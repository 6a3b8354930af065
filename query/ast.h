// The expression tree of PromQL: what the parser builds, the printer prints and the planner reads.
//
// A tree is built once, by the parser or by clone(), and not changed afterwards; a finished
// `const Expr&` may be read by any number of threads. Nodes own their children. Every node knows
// the bytes of the query it came from, which is where `(line:column)` of an annotation comes from.
//
// Walk a tree with a switch over `kind` and `as<T>()`:
//
//   switch (expr.kind) {
//       case ExprKind::kBinary: {
//           const auto& binary = as<BinaryExpr>(expr);
//           …
//
// or with for_each_child() when only the shape matters.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/check.h"
#include "query/functions.h"
#include "query/types.h"

namespace query {

// A half-open range of byte offsets into the text of the query.
struct PositionRange {
    int32_t start = 0;
    int32_t end = 0;

    bool operator==(const PositionRange&) const = default;
};

// One label matcher as written. Regular expressions have been checked (RE2, anchored, dot matches
// newline) but not compiled: that happens when series are selected.
struct MatcherSpec {
    MatchType type = MatchType::kEqual;
    std::string name;
    std::string value;

    bool operator==(const MatcherSpec&) const = default;
};

// ---------------------------------------------------------------------------------------------
// Durations: `5m`, `90`, `step() * 2`, `min_of(range(), 1h)` in ranges, resolutions and offsets.

struct DurationExpr;
using DurationPtr = std::unique_ptr<DurationExpr>;

enum class DurationKind : uint8_t {
    kNumber,  // `5m` or `300`: `seconds` holds the value
    kStep,    // step(): the step of the query, 0 for an instant query at most
    kRange,   // range(): end - start of the query
    kUnary,   // op kAdd or kSub on `lhs`
    kBinary,  // op kAdd kSub kMul kDiv kMod kPow on `lhs` and `rhs`
    kMinOf,   // min_of(lhs, rhs)
    kMaxOf,   // max_of(lhs, rhs)
};

// One node of a duration expression.
struct DurationExpr {
    DurationKind kind = DurationKind::kNumber;
    PositionRange position;
    uint16_t height = 1;         // levels of the tree under it, with itself
    bool parenthesized = false;  // printed with the parentheses it was written with
    double seconds = 0;          // kNumber
    bool is_duration = false;    // kNumber: written as `5m`, not as `300`
    BinaryOp op = BinaryOp::kAdd;
    DurationPtr lhs;
    DurationPtr rhs;

    [[nodiscard]] DurationPtr clone() const;
};

// A duration of a selector or subquery. A literal is already in `millis`; anything else is `expr`,
// to be resolved when start, end and step of the query are known: resolve() in query/duration.h.
struct DurationSpec {
    int64_t millis = 0;  // valid only when expr is null
    DurationPtr expr;

    [[nodiscard]] bool is_constant() const { return expr == nullptr; }

    [[nodiscard]] DurationSpec clone() const;
};

// The `@` of a selector or subquery.
enum class AtKind : uint8_t { kNone, kTimestamp, kStart, kEnd };

struct AtModifier {
    AtKind kind = AtKind::kNone;
    int64_t timestamp_ms = 0;  // kTimestamp

    bool operator==(const AtModifier&) const = default;
};

// ---------------------------------------------------------------------------------------------
// Expressions

struct Expr;
using ExprPtr = std::unique_ptr<Expr>;

enum class ExprKind : uint8_t {
    kNumber,
    kString,
    kVectorSelector,
    kMatrixSelector,
    kSubquery,
    kUnary,
    kBinary,
    kAggregate,
    kCall,
    kParen,
};

// What every node has. The height is bounded (kTreeHeightMax in query/parser.h), so that walking a
// tree by recursion is safe.
struct Expr {
    const ExprKind kind;
    uint16_t height = 1;  // levels of the tree under it, with itself
    PositionRange position;

    virtual ~Expr() = default;
    Expr& operator=(const Expr&) = delete;
    Expr& operator=(Expr&&) = delete;
    Expr(Expr&&) = delete;

    // The type of the value, known from the kind and the children.
    [[nodiscard]] virtual ValueType type() const = 0;

    // A deep copy.
    [[nodiscard]] virtual ExprPtr clone() const = 0;

  protected:
    explicit Expr(ExprKind which) : kind(which) {}

    Expr(const Expr&) = default;
};

// `12.5`, `0x1f`, `Inf`, `1h30m`.
struct NumberLiteral final : Expr {
    static constexpr ExprKind kKind = ExprKind::kNumber;

    double value = 0;
    bool is_duration = false;  // written as a duration, `value` in seconds

    NumberLiteral() : Expr(kKind) {}

    [[nodiscard]] ValueType type() const override { return ValueType::kScalar; }

    [[nodiscard]] ExprPtr clone() const override;
};

// `"text"`, unescaped.
struct StringLiteral final : Expr {
    static constexpr ExprKind kKind = ExprKind::kString;

    std::string value;

    StringLiteral() : Expr(kKind) {}

    [[nodiscard]] ValueType type() const override { return ValueType::kString; }

    [[nodiscard]] ExprPtr clone() const override;
};

// What an extended range selector does at the edges of its window.
enum class RangeExtension : uint8_t { kNone, kAnchored, kSmoothed };

// `name{a="b"} offset 5m @ end()`. Also the inside of a MatrixSelector: modifiers written after
// the range stand on the selector, as the range only says how much of it is read.
struct VectorSelector final : Expr {
    static constexpr ExprKind kKind = ExprKind::kVectorSelector;

    std::string name;                   // the metric name written before the braces, or empty; a
                                        // name inside the braces is only a matcher
    std::vector<MatcherSpec> matchers;  // in the order written; `__name__` of `name` comes last
    DurationSpec offset;                // positive looks into the past
    AtModifier at;
    RangeExtension extension = RangeExtension::kNone;
    bool bypass_empty_matcher_check = false;  // the second argument of info(): `{}` is allowed

    VectorSelector() : Expr(kKind) {}

    [[nodiscard]] ValueType type() const override { return ValueType::kVector; }

    [[nodiscard]] ExprPtr clone() const override;
};

// `selector[range]`.
struct MatrixSelector final : Expr {
    static constexpr ExprKind kKind = ExprKind::kMatrixSelector;

    std::unique_ptr<VectorSelector> selector;  // never null
    DurationSpec range;                        // a constant is positive

    MatrixSelector() : Expr(kKind) {}

    [[nodiscard]] ValueType type() const override { return ValueType::kMatrix; }

    [[nodiscard]] ExprPtr clone() const override;
};

// `expr[range:step]`.
struct Subquery final : Expr {
    static constexpr ExprKind kKind = ExprKind::kSubquery;

    ExprPtr expr;
    DurationSpec range;
    DurationSpec step;
    bool has_step = false;  // false: the engine's default resolution, `step` is unused
    DurationSpec offset;
    AtModifier at;

    Subquery() : Expr(kKind) {}

    [[nodiscard]] ValueType type() const override { return ValueType::kMatrix; }

    [[nodiscard]] ExprPtr clone() const override;
};

// `-expr` or `+expr` on a scalar or vector. Literals are folded: `-1` is a NumberLiteral.
struct UnaryExpr final : Expr {
    static constexpr ExprKind kKind = ExprKind::kUnary;

    bool negate = false;
    ExprPtr expr;

    UnaryExpr() : Expr(kKind) {}

    [[nodiscard]] ValueType type() const override { return expr->type(); }

    [[nodiscard]] ExprPtr clone() const override;
};

enum class MatchCard : uint8_t { kOneToOne, kManyToOne, kOneToMany, kManyToMany };

// How the series of two vectors find each other.
struct VectorMatching {
    MatchCard card = MatchCard::kOneToOne;  // kManyToMany for set operators
    bool on = false;                        // labels: true = on(…), false = ignoring(…)
    std::vector<std::string> labels;
    std::vector<std::string> include;  // of group_left(…) / group_right(…)
    std::optional<double> fill_left;   // stands in for a missing element of the left side
    std::optional<double> fill_right;
};

struct BinaryExpr final : Expr {
    static constexpr ExprKind kKind = ExprKind::kBinary;

    BinaryOp op = BinaryOp::kAdd;
    ExprPtr lhs;
    ExprPtr rhs;
    bool return_bool = false;                // the `bool` modifier
    std::optional<VectorMatching> matching;  // set exactly when both sides are vectors

    BinaryExpr() : Expr(kKind) {}

    [[nodiscard]] ValueType type() const override;
    [[nodiscard]] ExprPtr clone() const override;
};

// `sum by (a) (expr)`, `topk without (a) (param, expr)`.
struct AggregateExpr final : Expr {
    static constexpr ExprKind kKind = ExprKind::kAggregate;

    AggregateOp op = AggregateOp::kSum;
    ExprPtr expr;   // a vector
    ExprPtr param;  // scalar, or a string for count_values; null when the operator takes none
    std::vector<std::string> grouping;  // in the order written
    bool without = false;

    AggregateExpr() : Expr(kKind) {}

    [[nodiscard]] ValueType type() const override { return ValueType::kVector; }

    [[nodiscard]] ExprPtr clone() const override;
};

// `rate(x[5m])`. Arguments have the number and types that the function asks for; optional ones
// that were not written are absent.
struct Call final : Expr {
    static constexpr ExprKind kKind = ExprKind::kCall;

    const Function* function = nullptr;  // in the table of query/functions.h; never null
    std::vector<ExprPtr> args;

    Call() : Expr(kKind) {}

    [[nodiscard]] ValueType type() const override { return function->return_type; }

    [[nodiscard]] ExprPtr clone() const override;
};

// `(expr)`: kept for printing and because `-(1)` is not a literal.
struct ParenExpr final : Expr {
    static constexpr ExprKind kKind = ExprKind::kParen;

    ExprPtr expr;

    ParenExpr() : Expr(kKind) {}

    [[nodiscard]] ValueType type() const override { return expr->type(); }

    [[nodiscard]] ExprPtr clone() const override;
};

// The node as what its kind says it is; a wrong T is a bug of ours and checked.
template <class T>
const T& as(const Expr& expr) {
    SKEIN_CHECK(expr.kind == T::kKind, "wrong kind of expression");
    return static_cast<const T&>(expr);
}

template <class T>
T& as(Expr& expr) {
    SKEIN_CHECK(expr.kind == T::kKind, "wrong kind of expression");
    return static_cast<T&>(expr);
}

// The same, or null when it is something else.
template <class T>
const T* try_as(const Expr& expr) {
    return expr.kind == T::kKind ? static_cast<const T*>(&expr) : nullptr;
}

template <class T>
T* try_as(Expr& expr) {
    return expr.kind == T::kKind ? static_cast<T*>(&expr) : nullptr;
}

// Calls visit(const Expr&) for every direct child, in the order of the text. The parameter of an
// aggregation comes before its expression; a MatrixSelector's selector is a child.
template <class Visit>
void for_each_child(const Expr& expr, Visit&& visit) {
    switch (expr.kind) {
        case ExprKind::kNumber:
        case ExprKind::kString:
        case ExprKind::kVectorSelector:
            return;
        case ExprKind::kMatrixSelector:
            visit(static_cast<const Expr&>(*as<MatrixSelector>(expr).selector));
            return;
        case ExprKind::kSubquery:
            visit(*as<Subquery>(expr).expr);
            return;
        case ExprKind::kUnary:
            visit(*as<UnaryExpr>(expr).expr);
            return;
        case ExprKind::kBinary:
            visit(*as<BinaryExpr>(expr).lhs);
            visit(*as<BinaryExpr>(expr).rhs);
            return;
        case ExprKind::kAggregate:
            if (as<AggregateExpr>(expr).param) {
                visit(*as<AggregateExpr>(expr).param);
            }
            visit(*as<AggregateExpr>(expr).expr);
            return;
        case ExprKind::kCall:
            for (const ExprPtr& arg : as<Call>(expr).args) {
                visit(*arg);
            }
            return;
        case ExprKind::kParen:
            visit(*as<ParenExpr>(expr).expr);
            return;
    }
}

// The expression inside any number of parentheses.
[[nodiscard]] const Expr& without_parens(const Expr& expr);

}  // namespace query

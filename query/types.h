// The words of PromQL: value types, operators with their precedence, matcher kinds, functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "model/matcher.h"

namespace query {

enum class ValueType : uint8_t { kNone, kScalar, kVector, kMatrix, kString };

// As error messages spell it: "scalar", "instant vector", "range vector", "string", "none".
[[nodiscard]] std::string_view describe(ValueType type);

// As the API spells it: "scalar", "vector", "matrix", "string", "none".
[[nodiscard]] std::string_view name_of(ValueType type);

using model::MatchType;

enum class BinaryOp : uint8_t {
    kPow,
    kMul,
    kDiv,
    kMod,
    kAtan2,
    kAdd,
    kSub,
    kEqual,
    kNotEqual,
    kLess,
    kLessEqual,
    kGreater,
    kGreaterEqual,
    kTrimUpper,  // `</`: keeps the part of a histogram below the scalar
    kTrimLower,  // `>/`: keeps the part above
    kAnd,
    kUnless,
    kOr,
};

// "+", "atan2", "</", …
[[nodiscard]] std::string_view symbol(BinaryOp op);

// Binding strength, a higher number binds tighter: or 1, and/unless 2, comparisons 3, + - 4,
// * / % atan2 5, ^ 6. All are left associative but `^`.
[[nodiscard]] int precedence(BinaryOp op);

// A unary sign binds like `*`: tighter than `+`, looser than `^`.
inline constexpr int kUnaryPrecedence = 5;

[[nodiscard]] constexpr bool is_comparison(BinaryOp op) {
    return op >= BinaryOp::kEqual && op <= BinaryOp::kGreaterEqual;
}

[[nodiscard]] constexpr bool is_trim(BinaryOp op) {
    return op == BinaryOp::kTrimUpper || op == BinaryOp::kTrimLower;
}

[[nodiscard]] constexpr bool is_set_operator(BinaryOp op) {
    return op >= BinaryOp::kAnd;
}

enum class AggregateOp : uint8_t {
    kSum,
    kAvg,
    kCount,
    kMin,
    kMax,
    kGroup,
    kStddev,
    kStdvar,
    kTopk,
    kBottomk,
    kCountValues,
    kQuantile,
    kLimitk,
    kLimitRatio,
};

[[nodiscard]] std::string_view name_of(AggregateOp op);

// The type of an aggregation's parameter; kNone when it takes none.
[[nodiscard]] ValueType param_type(AggregateOp op);

[[nodiscard]] constexpr bool is_experimental(AggregateOp op) {
    return op == AggregateOp::kLimitk || op == AggregateOp::kLimitRatio;
}

}  // namespace query

#include "query/parse/duration_parser.h"

#include <cmath>
#include <utility>

namespace query {
namespace {

constexpr double kNanosPerSecond = 1e9;
constexpr int64_t kNanosPerMilli = 1'000'000;
constexpr double kTwoTo63 = 9223372036854775808.0;
constexpr double kDurationSecondsMax = kTwoTo63 / kNanosPerSecond;

// Durations are kept to the nanosecond while they are read and cut to milliseconds then.
int64_t millis_of(double seconds) {
    const double nanos = std::round(seconds * kNanosPerSecond);
    if (nanos >= kTwoTo63) {
        return INT64_MAX / kNanosPerMilli;
    }
    return nanos <= -kTwoTo63 ? INT64_MIN / kNanosPerMilli
                              : static_cast<int64_t>(nanos) / kNanosPerMilli;
}

bool duration_out_of_range(double seconds) {
    return !(std::fabs(seconds) <= kDurationSecondsMax);
}

bool is_number(const DurationExpr& expr) {
    return expr.kind == DurationKind::kNumber && !expr.parenthesized;
}

bool is_arithmetic(const Token& token) {
    return token.is(BinaryOp::kAdd) || token.is(BinaryOp::kSub) || token.is(BinaryOp::kMul) ||
           token.is(BinaryOp::kDiv) || token.is(BinaryOp::kMod) || token.is(BinaryOp::kPow);
}

DurationPtr apply_sign(const Token& sign, DurationPtr operand) {
    const bool negate = sign.is(BinaryOp::kSub);
    if (is_number(*operand)) {
        operand->seconds = negate ? -operand->seconds : operand->seconds;
        operand->position.start = sign.position.start;
        return operand;
    }
    if (!negate) {
        return operand;
    }
    auto node = std::make_unique<DurationExpr>();
    node->kind = DurationKind::kUnary;
    node->op = BinaryOp::kSub;
    node->position = {sign.position.start, operand->position.end};
    node->lhs = std::move(operand);
    return node;
}

}  // namespace

DurationSpec spec_of(DurationPtr expr) {
    if (is_number(*expr)) {
        return {.millis = millis_of(expr->seconds)};
    }
    return {.expr = std::move(expr)};
}

Parsed<DurationPtr> DurationParser::positive() {
    TRY(DurationPtr expr, whole());
    if (is_number(*expr) && expr->seconds <= 0) {
        return fail(error_at(expr->position, "duration must be greater than 0"));
    }
    if (is_number(*expr) && millis_of(expr->seconds) == 0) {
        return fail(error_at(expr->position, "duration must be at least 1ms"));
    }
    return expr;
}

Parsed<DurationPtr> DurationParser::whole(int precedence_min) {
    const TokenStream::Nested nested(tokens_);
    TRY(tokens_.check_nesting());
    TRY(DurationPtr lhs, operand());
    return rest(std::move(lhs), precedence_min);
}

// Operators and operands behind the first one.
Parsed<DurationPtr> DurationParser::rest(DurationPtr lhs, int precedence_min) {
    while (true) {
        TRY(const Token token, tokens_.peek());
        if (!is_arithmetic(token) || precedence(token.binary_op) < precedence_min) {
            return lhs;
        }
        TRY(tokens_.take());
        TRY(lhs, binary(std::move(lhs), token));
    }
}

Parsed<DurationPtr> DurationParser::binary(DurationPtr lhs, const Token& op) {
    const int strength = precedence(op.binary_op);
    TRY(DurationPtr rhs, whole(op.is(BinaryOp::kPow) ? strength : strength + 1));
    if (is_number(*rhs) && rhs->seconds == 0) {
        if (op.is(BinaryOp::kDiv)) {
            return fail(error_at(op.position, "division by zero"));
        }
        if (op.is(BinaryOp::kMod)) {
            return fail(error_at(op.position, "modulo by zero"));
        }
    }
    auto node = std::make_unique<DurationExpr>();
    node->kind = DurationKind::kBinary;
    node->op = op.binary_op;
    node->position = {lhs->position.start, rhs->position.end};
    node->lhs = std::move(lhs);
    node->rhs = std::move(rhs);
    return tokens_.measured(std::move(node));
}

Parsed<DurationPtr> DurationParser::operand() {
    TRY(const Token token, tokens_.peek());
    if (!token.is(BinaryOp::kAdd) && !token.is(BinaryOp::kSub)) {
        return atom();
    }
    TRY(tokens_.take());
    TRY(DurationPtr inner, whole(kUnaryPrecedence + 1));
    return tokens_.measured(apply_sign(token, std::move(inner)));
}

Parsed<DurationPtr> DurationParser::atom() {
    TRY(const Token token, tokens_.peek());
    switch (token.kind) {
        case TokenKind::kNumber:
        case TokenKind::kDuration:
            return literal();
        case TokenKind::kStep:
        case TokenKind::kRange:
        case TokenKind::kMinOf:
        case TokenKind::kMaxOf:
            return function();
        case TokenKind::kLeftParen:
            return parenthesized();
        default:
            return fail(tokens_.unexpected(token));
    }
}

Parsed<DurationPtr> DurationParser::literal() {
    TRY(const Token token, tokens_.take());
    auto node = std::make_unique<DurationExpr>();
    TRY(node->seconds, TokenStream::number_value(token));
    if (duration_out_of_range(node->seconds)) {
        return fail(error_at(token.position, "duration out of range"));
    }
    node->is_duration = token.is(TokenKind::kDuration);
    node->position = token.position;
    return node;
}

Parsed<DurationPtr> DurationParser::function() {
    TRY(const Token name, tokens_.take());
    auto node = std::make_unique<DurationExpr>();
    TRY(tokens_.expect(TokenKind::kLeftParen));
    if (name.is(TokenKind::kStep) || name.is(TokenKind::kRange)) {
        node->kind = name.is(TokenKind::kStep) ? DurationKind::kStep : DurationKind::kRange;
    } else {
        node->kind = name.is(TokenKind::kMinOf) ? DurationKind::kMinOf : DurationKind::kMaxOf;
        TRY(node->lhs, whole());
        TRY(tokens_.expect(TokenKind::kComma));
        TRY(node->rhs, whole());
    }
    TRY(tokens_.expect(TokenKind::kRightParen));
    node->position = {name.position.start, tokens_.end()};
    return tokens_.measured(std::move(node));
}

Parsed<DurationPtr> DurationParser::parenthesized() {
    TRY(const Token open, tokens_.take());
    TRY(DurationPtr inner, whole());
    TRY(tokens_.expect(TokenKind::kRightParen));
    if (is_number(*inner)) {
        inner->position = {open.position.start, tokens_.end()};
    }
    inner->parenthesized = true;
    return inner;
}

Parsed<DurationPtr> DurationParser::offset() {
    TRY(const Token token, tokens_.peek());
    const bool has_sign = token.is(BinaryOp::kAdd) || token.is(BinaryOp::kSub);
    if (!has_sign) {
        return token.is(TokenKind::kLeftParen) ? whole() : atom();
    }
    TRY(tokens_.take());
    TRY(const Token next, tokens_.peek());
    if (!next.is(BinaryOp::kAdd) && !next.is(BinaryOp::kSub)) {
        TRY(DurationPtr inner, atom());
        return tokens_.measured(apply_sign(token, std::move(inner)));
    }
    // A second sign: the first one belongs to a whole expression.
    TRY(DurationPtr inner, whole(kUnaryPrecedence + 1));
    TRY(DurationPtr first, tokens_.measured(apply_sign(token, std::move(inner))));
    return rest(std::move(first), 1);
}

}  // namespace query

#include "query/parse/token_stream.h"

#include <algorithm>

#include "model/quote.h"
#include "query/literals.h"
#include "query/parser.h"

namespace query {
namespace {

uint16_t children_height(const DurationExpr& node) {
    const uint16_t left = node.lhs ? node.lhs->height : 0;
    return std::max(left, node.rhs ? node.rhs->height : uint16_t{0});
}

uint16_t children_height(const Expr& node) {
    uint16_t height = 0;
    for_each_child(node, [&](const Expr& child) { height = std::max(height, child.height); });
    return height;
}

}  // namespace

ParseError error_at(PositionRange position, std::string reason) {
    return {.position = position, .reason = std::move(reason)};
}

std::string quoted(std::string_view text) {
    std::string out;
    model::append_quoted(out, text);
    return out;
}

Parsed<Token> TokenStream::peek() {
    if (!ahead_) {
        TRY(ahead_, lexer_.next());
    }
    return *ahead_;
}

Parsed<Token> TokenStream::take() {
    TRY(const Token token, peek());
    ahead_.reset();
    end_ = token.position.end;
    return token;
}

Parsed<bool> TokenStream::take_if(TokenKind kind) {
    TRY(const Token token, peek());
    if (!token.is(kind)) {
        return false;
    }
    TRY(take());
    return true;
}

Parsed<Token> TokenStream::expect(TokenKind kind) {
    return expect_in(kind, context_);
}

Parsed<Token> TokenStream::expect_in(TokenKind kind, Context context) {
    TRY(const Token token, peek());
    if (!token.is(kind)) {
        return fail(unexpected(token, context));
    }
    return take();
}

ParseError TokenStream::unexpected(const Token& token) const {
    return unexpected(token, context_);
}

ParseError TokenStream::unexpected(const Token& token, Context context) {
    std::string reason = "unexpected " + describe(token);
    if (!context.where.empty()) {
        reason += " in ";
        reason += context.where;
    }
    if (!context.expected.empty()) {
        reason += ", expected ";
        reason += context.expected;
    }
    return error_at(token.position, std::move(reason));
}

Parsed<void> TokenStream::check_nesting() const {
    if (nesting_ <= kNestingMax) {
        return base::success();
    }
    return fail(ParseError{
        .position = {end_, end_},
        .reason = "expression is nested more than " + std::to_string(kNestingMax) +
                  " levels deep (kNestingMax); split it, for example with recording rules",
        .code = base::Code::kLimit});
}

Parsed<uint16_t> TokenStream::height_above(uint16_t children) const {
    if (children < kTreeHeightMax) {
        return static_cast<uint16_t>(children + 1);
    }
    return fail(ParseError{
        .position = {end_, end_},
        .reason =
            "expression has more than " + std::to_string(kTreeHeightMax) +
            " levels of operators (kTreeHeightMax); split it, for example with recording rules",
        .code = base::Code::kLimit});
}

Parsed<ExprPtr> TokenStream::measured(ExprPtr node) const {
    TRY(node->height, height_above(children_height(*node)));
    return node;
}

Parsed<DurationPtr> TokenStream::measured(DurationPtr node) const {
    TRY(node->height, height_above(children_height(*node)));
    return node;
}

Parsed<double> TokenStream::number_value(const Token& token) {
    auto value = token.is(TokenKind::kDuration) ? parse_duration_seconds(token.text)
                                                : parse_number(token.text);
    if (value.has_error()) {
        return fail(error_at(token.position, value.error().message()));
    }
    return value.value();
}

bool starts_expression(const Token& token) {
    switch (token.kind) {
        case TokenKind::kNumber:
        case TokenKind::kDuration:
        case TokenKind::kString:
        case TokenKind::kLeftParen:
        case TokenKind::kLeftBrace:
            return true;
        default:
            return can_be_metric(token) || token.is(BinaryOp::kAdd) || token.is(BinaryOp::kSub);
    }
}

}  // namespace query

#include "query/parse/suffix_parser.h"

#include <cmath>
#include <memory>
#include <string>
#include <utility>

#include "query/parse/duration_parser.h"

namespace query {
namespace {

constexpr Context kInOffset{"offset", "number, duration, step(), or range()"};
constexpr Context kInAt{"@", "timestamp"};
constexpr Context kInRange{"subquery or range selector", "number, duration, step(), or range()"};
constexpr Context kInSubqueryStep{"subquery selector",
                                  "number, duration, step(), range(), or \"]\""};

// As C's %f, with infinities as PromQL writes them.
std::string fixed_point(double value) {
    if (!std::isfinite(value)) {
        return std::isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
    }
    return std::to_string(value);
}

bool is_set(const DurationSpec& offset) {
    return offset.millis != 0 || offset.expr != nullptr;
}

// The selector that modifiers of `expr` stand on, or null.
VectorSelector* selector_of(Expr& expr) {
    if (auto* matrix = try_as<MatrixSelector>(expr)) {
        return matrix->selector.get();
    }
    return try_as<VectorSelector>(expr);
}

}  // namespace

Parsed<ExprPtr> SuffixParser::apply_all(ExprPtr expr) {
    while (true) {
        TRY(const Token token, tokens_.peek());
        switch (token.kind) {
            case TokenKind::kLeftBracket: {
                TRY(expr, range_or_subquery(std::move(expr)));
                break;
            }
            case TokenKind::kOffset: {
                TRY(offset(*expr));
                break;
            }
            case TokenKind::kAt: {
                TRY(at_modifier(*expr));
                break;
            }
            case TokenKind::kAnchored:
            case TokenKind::kSmoothed: {
                TRY(extension(*expr));
                break;
            }
            default:
                return expr;
        }
    }
}

// `[range]` or `[range:step]` behind an expression.
Parsed<ExprPtr> SuffixParser::range_or_subquery(ExprPtr expr) {
    constexpr Context kClose{"subquery or range", "\":\" or \"]\""};
    TRY(const Token open, tokens_.take());
    DurationPtr range;
    {
        const TokenStream::InContext context(tokens_, kInRange);
        TRY(range, DurationParser(tokens_).positive());
    }
    TRY(const bool colon, tokens_.take_if(TokenKind::kColon));
    if (colon) {
        return subquery(std::move(expr), std::move(range));
    }
    TRY(tokens_.expect_in(TokenKind::kRightBracket, kClose));
    return matrix(std::move(expr), std::move(range), {open.position.start, tokens_.end()});
}

Parsed<ExprPtr> SuffixParser::matrix(ExprPtr expr, DurationPtr range, PositionRange brackets) {
    auto* selector_read = try_as<VectorSelector>(*expr);
    if (selector_read == nullptr) {
        return fail(error_at(brackets, "ranges only allowed for vector selectors"));
    }
    if (is_set(selector_read->offset)) {
        return fail(error_at(brackets, "no offset modifiers allowed before range"));
    }
    if (selector_read->at.kind != AtKind::kNone) {
        return fail(error_at(brackets, "no @ modifiers allowed before range"));
    }
    auto node = std::make_unique<MatrixSelector>();
    node->position = {expr->position.start, tokens_.end()};
    expr.release();  // NOLINT(bugprone-unused-return-value): selector_read is it
    node->selector.reset(selector_read);
    node->range = spec_of(std::move(range));
    return tokens_.measured(std::move(node));
}

// The rest of a subquery, after its colon.
Parsed<ExprPtr> SuffixParser::subquery(ExprPtr expr, DurationPtr range) {
    auto node = std::make_unique<Subquery>();
    node->range = spec_of(std::move(range));
    TRY(const bool no_step, tokens_.take_if(TokenKind::kRightBracket));
    if (!no_step) {
        DurationPtr step;
        {
            const TokenStream::InContext context(tokens_, kInSubqueryStep);
            TRY(step, DurationParser(tokens_).positive());
        }
        TRY(tokens_.expect_in(TokenKind::kRightBracket, {"subquery selector", "\"]\""}));
        node->step = spec_of(std::move(step));
        node->has_step = true;
    }
    node->position = {expr->position.start, tokens_.end()};
    node->expr = std::move(expr);
    return tokens_.measured(std::move(node));
}

Parsed<void> SuffixParser::offset(Expr& expr) {
    TRY(tokens_.take());
    DurationPtr by;
    {
        const TokenStream::InContext context(tokens_, kInOffset);
        TRY(by, DurationParser(tokens_).offset());
    }
    auto* selector_read = selector_of(expr);
    auto* subquery_read = try_as<Subquery>(expr);
    if (selector_read == nullptr && subquery_read == nullptr) {
        return fail(
            error_at(expr.position,
                     "offset modifier must be preceded by an instant vector selector or range "
                     "vector selector or a subquery"));
    }
    DurationSpec& target = selector_read != nullptr ? selector_read->offset : subquery_read->offset;
    if (is_set(target)) {
        return fail(error_at(expr.position, "offset may not be set multiple times"));
    }
    target = spec_of(std::move(by));
    expr.position.end = tokens_.end();
    return base::success();
}

Parsed<void> SuffixParser::at_modifier(Expr& expr) {
    TRY(tokens_.take());
    const TokenStream::InContext context(tokens_, kInAt);
    TRY(const AtModifier value, at_value(expr));
    auto* selector_read = selector_of(expr);
    auto* subquery_read = try_as<Subquery>(expr);
    if (selector_read == nullptr && subquery_read == nullptr) {
        return fail(
            error_at(expr.position,
                     "@ modifier must be preceded by an instant vector selector or range vector "
                     "selector or a subquery"));
    }
    AtModifier& target = selector_read != nullptr ? selector_read->at : subquery_read->at;
    if (target.kind != AtKind::kNone) {
        return fail(error_at(expr.position, "@ <timestamp> may not be set multiple times"));
    }
    target = value;
    expr.position.end = tokens_.end();
    return base::success();
}

// A time in seconds, start() or end().
Parsed<AtModifier> SuffixParser::at_value(const Expr& expr) {
    constexpr double kMillisPerSecond = 1000;
    constexpr double kMillisEnd = 9223372036854775808.0;  // 2^63
    TRY(Token token, tokens_.peek());
    if (token.is(TokenKind::kStart) || token.is(TokenKind::kEndWord)) {
        TRY(tokens_.take());
        TRY(tokens_.expect(TokenKind::kLeftParen));
        TRY(tokens_.expect(TokenKind::kRightParen));
        return AtModifier{token.is(TokenKind::kStart) ? AtKind::kStart : AtKind::kEnd};
    }
    const bool negate = token.is(BinaryOp::kSub);
    if (negate || token.is(BinaryOp::kAdd)) {
        TRY(tokens_.take());
        TRY(token, tokens_.peek());
    }
    if (!token.is(TokenKind::kNumber) && !token.is(TokenKind::kDuration)) {
        return fail(tokens_.unexpected(token));
    }
    TRY(tokens_.take());
    TRY(const double magnitude, TokenStream::number_value(token));
    const double seconds = negate ? -magnitude : magnitude;
    const double millis = std::round(seconds * kMillisPerSecond);
    if (!(std::fabs(millis) < kMillisEnd)) {
        return fail(error_at(expr.position,
                             "timestamp out of bounds for @ modifier: " + fixed_point(seconds)));
    }
    return AtModifier{AtKind::kTimestamp, static_cast<int64_t>(millis)};
}

Parsed<void> SuffixParser::extension(Expr& expr) {
    TRY(const Token token, tokens_.take());
    const bool anchored = token.is(TokenKind::kAnchored);
    const std::string word = anchored ? "anchored" : "smoothed";
    if (!options_.extended_range_selectors) {
        return fail(error_at(expr.position, word + " modifier is experimental and not enabled"));
    }
    if (expr.kind == ExprKind::kSubquery) {
        return fail(error_at(expr.position, word + " modifier is not supported for subqueries"));
    }
    auto* selector_read = selector_of(expr);
    if (selector_read == nullptr) {
        return fail(error_at(expr.position, word + " modifier not implemented"));
    }
    const auto wanted = anchored ? RangeExtension::kAnchored : RangeExtension::kSmoothed;
    if (selector_read->extension != RangeExtension::kNone && selector_read->extension != wanted) {
        return fail(
            error_at(expr.position, "anchored and smoothed modifiers cannot be used together"));
    }
    selector_read->extension = wanted;
    expr.position.end = tokens_.end();
    return base::success();
}

}  // namespace query

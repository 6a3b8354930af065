#include "query/parser.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "query/literals.h"
#include "query/parse/matching_parser.h"
#include "query/parse/selector_parser.h"
#include "query/parse/suffix_parser.h"
#include "query/parse/token_stream.h"
#include "query/parse/type_check.h"

namespace query {
namespace {

constexpr Context kInAggregation{"aggregation", ""};

// Recursive descent with precedence climbing.
class ExpressionParser {
  public:
    ExpressionParser(TokenStream& tokens, const ParseOptions& options)
        : tokens_(tokens), options_(options) {}

    Parsed<ExprPtr> whole();

  private:
    struct Arguments {
        std::vector<ExprPtr> list;
        int32_t end = 0;  // behind the parenthesis
    };

    Parsed<ExprPtr> expression(int precedence_min = 1);
    Parsed<ExprPtr> binary(ExprPtr lhs, const Token& op);
    Parsed<ExprPtr> operand();
    Parsed<ExprPtr> signed_operand();
    Parsed<ExprPtr> primary();
    Parsed<ExprPtr> parenthesized();
    Parsed<ExprPtr> number();
    Parsed<ExprPtr> string();
    Parsed<ExprPtr> named();
    Parsed<ExprPtr> call(const Token& name);
    Parsed<ExprPtr> aggregate(const Token& op);
    Parsed<Arguments> arguments();
    Parsed<void> settle_aggregate(AggregateExpr& aggregate, Arguments arguments);

    TokenStream& tokens_;
    const ParseOptions& options_;
};

Parsed<ExprPtr> ExpressionParser::whole() {
    TRY(const Token first, tokens_.peek());
    if (first.is(TokenKind::kEnd)) {
        return fail(error_at({0, 0}, "no expression found in input"));
    }
    TRY(ExprPtr expr, expression());
    TRY(tokens_.expect(TokenKind::kEnd));
    TRY(check_types(*expr, tokens_.query()));
    return expr;
}

Parsed<ExprPtr> ExpressionParser::expression(int precedence_min) {
    const TokenStream::Nested nested(tokens_);
    TRY(tokens_.check_nesting());
    TRY(ExprPtr lhs, operand());
    while (true) {
        TRY(const Token token, tokens_.peek());
        if (!token.is(TokenKind::kBinaryOp) || precedence(token.binary_op) < precedence_min) {
            return lhs;
        }
        TRY(tokens_.take());
        TRY(lhs, binary(std::move(lhs), token));
    }
}

// The rest of a binary expression, after its operator.
Parsed<ExprPtr> ExpressionParser::binary(ExprPtr lhs, const Token& op) {
    TRY(BinaryModifiers modifiers, MatchingParser(tokens_).binary_modifiers());
    const int strength = precedence(op.binary_op);
    const bool right_associative = op.is(BinaryOp::kPow);
    TRY(ExprPtr rhs, expression(right_associative ? strength : strength + 1));
    auto node = std::make_unique<BinaryExpr>();
    node->position = {lhs->position.start, rhs->position.end};
    node->op = op.binary_op;
    node->lhs = std::move(lhs);
    node->rhs = std::move(rhs);
    node->return_bool = modifiers.return_bool;
    const VectorMatching& matching = modifiers.matching;
    if (!options_.binop_fill_modifiers && (matching.fill_left || matching.fill_right)) {
        return fail(
            error_at(node->position, "binop fill modifiers are experimental and not enabled"));
    }
    node->matching = std::move(modifiers.matching);
    return tokens_.measured(std::move(node));
}

Parsed<ExprPtr> ExpressionParser::operand() {
    TRY(const Token token, tokens_.peek());
    if (token.is(BinaryOp::kAdd) || token.is(BinaryOp::kSub)) {
        return signed_operand();
    }
    TRY(ExprPtr expr, primary());
    return SuffixParser(tokens_, options_).apply_all(std::move(expr));
}

// A sign takes everything that binds tighter than `*`.
Parsed<ExprPtr> ExpressionParser::signed_operand() {
    TRY(const Token sign, tokens_.take());
    TRY(ExprPtr inner, expression(kUnaryPrecedence + 1));
    const bool negate = sign.is(BinaryOp::kSub);
    if (auto* literal = try_as<NumberLiteral>(*inner)) {
        literal->value = negate ? -literal->value : literal->value;
        literal->position.start = sign.position.start;
        return inner;
    }
    auto node = std::make_unique<UnaryExpr>();
    node->position = {sign.position.start, inner->position.end};
    node->negate = negate;
    node->expr = std::move(inner);
    return tokens_.measured(std::move(node));
}

Parsed<ExprPtr> ExpressionParser::primary() {
    TRY(const Token token, tokens_.peek());
    switch (token.kind) {
        case TokenKind::kLeftParen:
            return parenthesized();
        case TokenKind::kNumber:
        case TokenKind::kDuration:
            return number();
        case TokenKind::kString:
            return string();
        case TokenKind::kLeftBrace:
            return SelectorParser(tokens_).selector(nullptr);
        default:
            break;
    }
    if (can_be_metric(token)) {
        return named();
    }
    return fail(tokens_.unexpected(token));
}

Parsed<ExprPtr> ExpressionParser::parenthesized() {
    TRY(const Token open, tokens_.take());
    TRY(ExprPtr inner, expression());
    TRY(tokens_.expect(TokenKind::kRightParen));
    auto node = std::make_unique<ParenExpr>();
    node->position = {open.position.start, tokens_.end()};
    node->expr = std::move(inner);
    return tokens_.measured(std::move(node));
}

Parsed<ExprPtr> ExpressionParser::number() {
    TRY(const Token token, tokens_.take());
    auto node = std::make_unique<NumberLiteral>();
    TRY(node->value, TokenStream::number_value(token));
    node->is_duration = token.is(TokenKind::kDuration);
    node->position = token.position;
    return ExprPtr(std::move(node));
}

Parsed<ExprPtr> ExpressionParser::string() {
    TRY(const Token token, tokens_.take());
    auto node = std::make_unique<StringLiteral>();
    node->value = unquote(token.text);
    node->position = token.position;
    return ExprPtr(std::move(node));
}

// What starts with a name: a call, an aggregation or a selector.
Parsed<ExprPtr> ExpressionParser::named() {
    TRY(const Token name, tokens_.take());
    TRY(const Token next, tokens_.peek());
    const bool paren = next.is(TokenKind::kLeftParen);
    switch (name.kind) {
        case TokenKind::kAggregate:
            if (paren || next.is(TokenKind::kBy) || next.is(TokenKind::kWithout)) {
                return aggregate(name);
            }
            break;
        case TokenKind::kIdentifier:
        case TokenKind::kStart:
        case TokenKind::kEndWord:
        case TokenKind::kStep:
        case TokenKind::kRange:
        case TokenKind::kMaxOf:
        case TokenKind::kMinOf:
            if (paren) {
                return call(name);
            }
            break;
        default:
            break;
    }
    return SelectorParser(tokens_).selector(&name);
}

Parsed<ExprPtr> ExpressionParser::call(const Token& name) {
    TRY(Arguments args, arguments());
    auto node = std::make_unique<Call>();
    node->position = {name.position.start, args.end};
    node->function = find_function(name.text);
    node->args = std::move(args.list);
    if (node->function == nullptr) {
        return fail(error_at(name.position, "unknown function with name " + quoted(name.text)));
    }
    if (node->function->experimental && !options_.experimental_functions) {
        return fail(error_at(name.position, "function " + quoted(name.text) + " is not enabled"));
    }
    return tokens_.measured(std::move(node));
}

Parsed<ExpressionParser::Arguments> ExpressionParser::arguments() {
    Arguments args;
    TRY(tokens_.expect(TokenKind::kLeftParen));
    TRY(const bool empty, tokens_.take_if(TokenKind::kRightParen));
    if (empty) {
        args.end = tokens_.end();
        return args;
    }
    while (true) {
        TRY(ExprPtr arg, expression());
        args.list.push_back(std::move(arg));
        TRY(const Token separator, tokens_.peek());
        if (!separator.is(TokenKind::kComma)) {
            break;
        }
        TRY(tokens_.take());
        TRY(const Token next, tokens_.peek());
        if (!starts_expression(next)) {
            return fail(
                error_at(separator.position, "trailing commas not allowed in function call args"));
        }
    }
    TRY(tokens_.expect(TokenKind::kRightParen));
    args.end = tokens_.end();
    return args;
}

Parsed<ExprPtr> ExpressionParser::aggregate(const Token& op) {
    const TokenStream::InContext context(tokens_, kInAggregation);
    auto node = std::make_unique<AggregateExpr>();
    node->op = op.aggregate_op;
    TRY(auto grouping, MatchingParser(tokens_).aggregate_modifier());
    TRY(Arguments args, arguments());
    node->position = {op.position.start, args.end};
    if (!grouping) {
        TRY(grouping, MatchingParser(tokens_).aggregate_modifier());
    }
    if (grouping) {
        node->grouping = std::move(grouping->labels);
        node->without = grouping->without;
        node->position.end = std::max(node->position.end, grouping->end);
    }
    TRY(settle_aggregate(*node, std::move(args)));
    return tokens_.measured(std::move(node));
}

Parsed<void> ExpressionParser::settle_aggregate(AggregateExpr& aggregate, Arguments arguments) {
    const auto count = arguments.list.size();
    if (count == 0) {
        return fail(error_at(aggregate.position, "no arguments for aggregate expression provided"));
    }
    if (is_experimental(aggregate.op) && !options_.experimental_functions) {
        return fail(error_at(aggregate.position,
                             std::string(name_of(aggregate.op)) +
                                 "() is experimental and must be enabled with "
                                 "--enable-feature=promql-experimental-functions"));
    }
    const size_t wanted = param_type(aggregate.op) == ValueType::kNone ? 1 : 2;
    if (count != wanted) {
        return fail(
            error_at(aggregate.position,
                     "wrong number of arguments for aggregate expression provided, expected " +
                         std::to_string(wanted) + ", got " + std::to_string(count)));
    }
    if (wanted == 2) {
        aggregate.param = std::move(arguments.list.front());
    }
    aggregate.expr = std::move(arguments.list.back());
    return base::success();
}

Parsed<void> check_size(std::string_view text) {
    if (text.size() <= kQueryBytesMax) {
        return base::success();
    }
    return fail(ParseError{.position = {0, 0},
                           .reason = "query of " + std::to_string(text.size()) +
                                     " bytes is longer than " + std::to_string(kQueryBytesMax) +
                                     " bytes (kQueryBytesMax)",
                           .code = base::Code::kLimit});
}

}  // namespace

Parsed<ExprPtr> parse_expr(std::string_view query, const ParseOptions& options) {
    TRY(check_size(query));
    TokenStream tokens(query);
    return ExpressionParser(tokens, options).whole();
}

base::Result<ExprPtr> parse_query(std::string_view query, const ParseOptions& options) {
    auto parsed = parse_expr(query, options);
    if (parsed.has_error()) {
        return base::fail(to_error(parsed.error(), query));
    }
    return std::move(parsed).value();
}

Parsed<std::vector<MatcherSpec>> parse_selector(std::string_view text) {
    TRY(check_size(text));
    TokenStream tokens(text);
    return SelectorParser(tokens).whole();
}

Parsed<model::Labels> parse_metric(std::string_view text) {
    TRY(check_size(text));
    TokenStream tokens(text);
    return SelectorParser(tokens).metric(nullptr);
}

Parsed<model::Labels> parse_metric_prefix(std::string_view text, std::string_view& rest) {
    TRY(check_size(text));
    TokenStream tokens(text);
    return SelectorParser(tokens).metric(&rest);
}

}  // namespace query

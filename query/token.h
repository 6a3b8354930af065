// The tokens of PromQL.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "query/ast.h"

namespace query {

enum class TokenKind : uint8_t {
    kEnd,
    kIdentifier,
    kMetricIdentifier,  // an identifier with a colon
    kString,            // with its quotes and escapes
    kNumber,
    kDuration,
    kLeftParen,
    kRightParen,
    kLeftBrace,
    kRightBrace,
    kLeftBracket,
    kRightBracket,
    kComma,
    kColon,
    kAssign,       // `=`
    kRegexMatch,   // `=~`, in braces
    kRegexReject,  // `!~`, in braces
    kAt,
    kBinaryOp,   // Token::binary_op; `!=` in braces too
    kAggregate,  // Token::aggregate_op
    // Keywords, in the order of the table in token.cc.
    kBool,
    kBy,
    kGroupLeft,
    kGroupRight,
    kFill,
    kFillLeft,
    kFillRight,
    kIgnoring,
    kOffset,
    kSmoothed,
    kAnchored,
    kOn,
    kWithout,
    kStart,
    kEndWord,  // the word `end`
    kStep,
    kRange,
    kMaxOf,
    kMinOf,
};

// `text` points into the query.
struct Token {
    TokenKind kind = TokenKind::kEnd;
    BinaryOp binary_op = BinaryOp::kAdd;           // kBinaryOp
    AggregateOp aggregate_op = AggregateOp::kSum;  // kAggregate
    PositionRange position;
    std::string_view text;

    [[nodiscard]] bool is(TokenKind what) const { return kind == what; }

    [[nodiscard]] bool is(BinaryOp op) const {
        return kind == TokenKind::kBinaryOp && binary_op == op;
    }
};

// Kind and operator of a word that means something, in any case; nothing for other words. Numbers
// (`inf`, `nan`) are words too.
[[nodiscard]] std::optional<Token> find_keyword(std::string_view word);

// A token as error messages name it: `identifier "foo"`, `<op:+>`, `end of input`.
[[nodiscard]] std::string describe(const Token& token);

// Whether a token can be the name of a metric, and of a label in `by (…)`.
[[nodiscard]] bool can_be_metric(const Token& token);
[[nodiscard]] bool can_be_label(const Token& token);

}  // namespace query

// Reading tokens with one of lookahead, and what all parts of the parser need while they do: where
// an unexpected token is reported to stand, and how deep we are.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "query/ast.h"
#include "query/lexer.h"
#include "query/parse_error.h"
#include "query/token.h"

namespace query {

// Where in the grammar an unexpected token is reported to stand, and what was expected there.
struct Context {
    std::string_view where;
    std::string_view expected;
};

// An error at a place of the query.
[[nodiscard]] ParseError error_at(PositionRange position, std::string reason);

// `text` in double quotes.
[[nodiscard]] std::string quoted(std::string_view text);

class TokenStream {
  public:
    // `query` is borrowed.
    explicit TokenStream(std::string_view query) : query_(query), lexer_(query) {}

    // Sets what unexpected tokens are reported to be in, for as long as it lives.
    class InContext {
      public:
        InContext(TokenStream& tokens, Context context)
            : tokens_(tokens), before_(std::exchange(tokens.context_, context)) {}

        ~InContext() { tokens_.context_ = before_; }

        InContext(const InContext&) = delete;
        InContext& operator=(const InContext&) = delete;

      private:
        TokenStream& tokens_;
        Context before_;
    };

    // One level of recursion; ask check_nesting() after it.
    class Nested {
      public:
        explicit Nested(TokenStream& tokens) : tokens_(tokens) { ++tokens_.nesting_; }

        ~Nested() { --tokens_.nesting_; }

        Nested(const Nested&) = delete;
        Nested& operator=(const Nested&) = delete;

      private:
        TokenStream& tokens_;
    };

    // The next token, read as late as possible, so that errors come in the order of the text.
    [[nodiscard]] Parsed<Token> peek();
    Parsed<Token> take();
    // Takes the next token if it is of that kind, and says whether it was.
    [[nodiscard]] Parsed<bool> take_if(TokenKind kind);
    // Takes a token that must come.
    Parsed<Token> expect(TokenKind kind);
    Parsed<Token> expect_in(TokenKind kind, Context context);

    [[nodiscard]] ParseError unexpected(const Token& token) const;
    [[nodiscard]] static ParseError unexpected(const Token& token, Context context);

    // Where the last token taken ends.
    [[nodiscard]] int32_t end() const { return end_; }

    [[nodiscard]] std::string_view query() const { return query_; }

    // errors  kLimit beyond kNestingMax
    [[nodiscard]] Parsed<void> check_nesting() const;

    // Sets the height of a node that is complete.
    //   errors  kLimit beyond kTreeHeightMax
    [[nodiscard]] Parsed<ExprPtr> measured(ExprPtr node) const;
    [[nodiscard]] Parsed<DurationPtr> measured(DurationPtr node) const;

    // The value of a number or duration.
    [[nodiscard]] static Parsed<double> number_value(const Token& token);

  private:
    [[nodiscard]] Parsed<uint16_t> height_above(uint16_t children) const;

    std::string_view query_;
    Lexer lexer_;
    std::optional<Token> ahead_;
    int32_t end_ = 0;
    Context context_;
    uint32_t nesting_ = 0;
};

// Whether an expression can start with the token.
[[nodiscard]] bool starts_expression(const Token& token);

}  // namespace query
